"""Memories for methods that match single patches: whole images, whole patches, and feature maps."""

import json

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.encoders.base import Encoder
from ntt.errors import InputError
from ntt.memory import MemoryBank, ReferenceMemory
from ntt.memory.files import write_bank
from ntt.structures import Reference

CPU = torch.device("cpu")


class MeanColour(Encoder):
    name, embed_dim, patch_size, img_size, fingerprint = "mean", 3, 8, 64, "mean-1"

    def __init__(self):
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def forward(self, images):
        self.seen += images
        return F.avg_pool2d(images, 8).permute(0, 2, 3, 1)


def reference(mask, label=0, seed=0):
    image = torch.rand(3, *mask.shape, generator=torch.Generator().manual_seed(seed))
    return Reference(image, mask, label, "here.jpg")


def rectangle(height, width, rows, columns):
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[rows, columns] = True
    return mask


def filled(references, classes=("a",), encoder=None, **options):
    memory = ReferenceMemory(
        options.get("context_ratio", 0.2),
        batch_size=2,
        whole_image="context_ratio" not in options,
        **{key: value for key, value in options.items() if key != "context_ratio"},
    )
    encoder = encoder or MeanColour()
    bank = memory.empty_bank(encoder, classes, "")
    memory.add_references(bank, encoder, references, CPU)
    return bank


def same(one, other):
    assert len(one.maps) == len(other.maps)
    for (features, mask), (others, other_mask) in zip(one.maps, other.maps, strict=True):
        assert torch.equal(features, others)
        assert torch.equal(mask, other_mask)
        assert mask.dtype == other_mask.dtype == torch.bool


# Encoding of references.


@pytest.mark.parametrize("shape", [(64, 64), (60, 100), (35, 21)])
def test_whole_image_encodes_the_whole_image(shape):
    encoder = MeanColour()
    given_ = reference(rectangle(*shape, slice(3, 9), slice(5, 11)))
    filled([given_], encoder=encoder)
    expected = F.interpolate(given_.image[None], (64, 64), mode="bilinear", antialias=True)[0]
    torch.testing.assert_close(encoder.seen[0], expected)


def test_whole_image_weights_patches_by_their_share_in_the_mask():
    mask = rectangle(
        64, 128, slice(8, 20), slice(16, 40)
    )  # 1.5 rows and 1.5 columns of patches of 8 x 16 pixels
    given_ = reference(mask)
    bank = filled([given_])
    shares = mask.float().view(8, 8, 8, 16).mean((1, 3))
    encoder = MeanColour()
    features = encoder(F.interpolate(given_.image[None], (64, 64), mode="bilinear", antialias=True))[0]
    expected = (shares[..., None] * features).sum((0, 1)) / shares.sum()
    torch.testing.assert_close(bank.vectors[0], expected)


def test_context_ratio_encodes_the_crop_and_stores_its_map():
    given_ = reference(rectangle(64, 64, slice(16, 32), slice(16, 32)))
    whole, crop = filled([given_], maps=True), filled([given_], maps=True, context_ratio=0.5)
    assert crop.maps[0][0].shape == whole.maps[0][0].shape
    assert crop.maps[0][1].sum() > 3 * whole.maps[0][1].sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 3))
def test_whole_patches_are_those_more_than_half_inside(seed, number):
    """Compare with a loop over the pixels of each patch; at least one patch counts, even for tiny objects."""
    generator = torch.Generator().manual_seed(seed)
    density = torch.rand(number, 8, 8, generator=generator).repeat_interleave(8, 1).repeat_interleave(8, 2)
    masks = torch.rand(number, 64, 64, generator=generator) < density
    masks[:, 30, 41] = True
    references = [reference(mask, seed=seed + index) for index, mask in enumerate(masks)]
    bank = filled(references, whole_patches=True, maps=True)
    for index, mask in enumerate(masks):
        features, kept = bank.maps[index]
        shares = [
            [
                float(mask[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].float().mean())
                for column in range(8)
            ]
            for row in range(8)
        ]
        most = max(map(max, shares))
        expected = torch.tensor(
            [[share > 0.5 or (most <= 0.5 and share == most) for share in row] for row in shares]
        )
        assert torch.equal(kept, expected)
        torch.testing.assert_close(bank.vectors[index], features[kept].mean(dim=0))


def test_whole_patches_exclude_half_covered_ones():
    mask = rectangle(64, 64, slice(0, 12), slice(0, 16))  # 1.5 rows and 2 columns of patches
    kept = filled([reference(mask)], whole_patches=True, maps=True).maps[0][1]
    assert kept.nonzero().tolist() == [[0, 0], [0, 1]]
    touched = filled([reference(mask)], maps=True).maps[0][1]
    assert touched.nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]], "else each patch that it touches"


def test_maps_are_the_features_that_vectors_are_pooled_from():
    given_ = [reference(rectangle(64, 64, slice(8, 40), slice(8, 40)), seed=seed) for seed in range(3)]
    bank = filled(given_, normalise=True, whole_patches=True, maps=True)
    for index, (features, kept) in enumerate(bank.maps):
        torch.testing.assert_close(features.norm(dim=-1), torch.ones(8, 8))
        assert features.dtype == torch.float32
        torch.testing.assert_close(bank.vectors[index], features[kept].mean(dim=0))
    assert len({tuple(features.flatten().tolist()) for features, _ in bank.maps}) == 3


def test_no_maps_are_stored_by_default():
    mask = rectangle(64, 64, slice(8, 40), slice(8, 40))
    bank, with_maps = filled([reference(mask)]), filled([reference(mask)], maps=True)
    assert list(bank.maps) == []
    bank.aggregate()
    with_maps.aggregate()
    assert with_maps.nbytes == bank.nbytes + 64 * 3 * 4 + 64


def test_an_empty_mask_error_names_the_reference():
    with pytest.raises(InputError, match=r"^here\.jpg: the mask of this reference is empty"):
        filled([reference(torch.zeros(64, 64, dtype=torch.bool))], whole_patches=True, maps=True)


def test_fingerprint_depends_on_whole_images_whole_patches_and_maps():
    options = [
        {"context_ratio": 0.2},
        {"context_ratio": 0.2, "whole_image": True},
        {"context_ratio": 0.2, "whole_patches": True},
        {"context_ratio": 0.2, "maps": True},
        {"context_ratio": 0.2, "whole_image": True, "whole_patches": True, "maps": True},
    ]
    fingerprints = {
        ReferenceMemory(batch_size=8, **each).empty_bank(MeanColour(), [], "").fingerprint for each in options
    }
    assert len(fingerprints) == len(options)


# The bank.


def bank_of(labels, classes=("a", "b"), kept=True):
    bank = MemoryBank(classes, "f", maps_kept=kept)
    generator = torch.Generator().manual_seed(0)
    for label in labels:
        weights = (torch.rand(4, 5, generator=generator) - 0.4).clamp(min=0)
        bank.add(torch.randn(4, 5, 6, generator=generator), weights, label)
    return bank


def test_bank_masks_contain_all_partly_covered_patches():
    bank = MemoryBank(["a"], "f", maps_kept=True)
    features = torch.randn(2, 3, 4).double()
    bank.add(features, torch.tensor([[0.0, 0.01, 1.0], [0.0, 0.0, 0.5]]), 0)
    ((kept, mask),) = bank.maps
    assert torch.equal(kept, features.float())
    assert mask.int().tolist() == [[0, 1, 1], [0, 0, 1]]


def test_bank_with_maps_is_restored_from_its_file(tmp_path):
    bank = bank_of([0, 1, 0])
    bank.aggregate()
    bank.save(tmp_path / "memory.safetensors")
    again = MemoryBank(bank.class_names, "f", maps_kept=True).load(tmp_path / "memory.safetensors")
    same(again, bank)
    assert torch.equal(again.prototypes, bank.prototypes)
    again.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "memory.safetensors").read_bytes()
    again.add(torch.randn(4, 5, 6), torch.ones(4, 5), 1)
    assert len(again.maps) == 4


def test_bank_without_maps_ignores_the_maps_of_a_file(tmp_path):
    bank = bank_of([0, 1])
    bank.aggregate()
    bank.save(tmp_path / "memory.safetensors")
    plain = MemoryBank(bank.class_names, "f").load(tmp_path / "memory.safetensors")
    assert list(plain.maps) == []


def test_empty_bank_with_maps_is_restored_from_its_file(tmp_path):
    bank = MemoryBank([], "f", maps_kept=True)
    bank.aggregate()
    bank.save(tmp_path / "memory.safetensors")
    again = MemoryBank([], "f", maps_kept=True).load(tmp_path / "memory.safetensors")
    assert len(again) == len(again.maps) == 0


@pytest.mark.parametrize("missing", ["maps", "map_masks", "both", "one"])
def test_a_file_without_maps_of_all_instances_is_rejected(tmp_path, missing):
    bank = bank_of([0, 1])
    bank.aggregate()
    tensors = {
        "vectors": bank.vectors,
        "labels": bank.labels,
        "prototypes": bank.prototypes,
        "negative_vectors": torch.zeros(0, 0),
        "negative_labels": torch.zeros(0, dtype=torch.int64),
        "maps": torch.stack([features for features, _ in bank.maps]),
        "map_masks": torch.stack([mask for _, mask in bank.maps]),
    }
    path = tmp_path / "memory.safetensors"
    write_bank(path, tensors, [], bank.class_names, "f", {})
    same(MemoryBank(bank.class_names, "f", maps_kept=True).load(path), bank)
    for key in ("maps", "map_masks"):
        if missing == "one":
            tensors[key] = tensors[key][:1]
        elif missing in (key, "both"):
            del tensors[key]
    write_bank(path, tensors, [], bank.class_names, "f", {})
    with pytest.raises(InputError, match="incomplete memory bank"):
        MemoryBank(bank.class_names, "f", maps_kept=True).load(path)


def test_subset_keeps_the_maps_of_its_instances():
    bank = bank_of([0, 1, 1, 0])
    part = bank.subset(torch.tensor([False, True, False, True]))
    assert part.class_names == ("a", "b")
    assert part.labels.tolist() == [1, 0]
    assert [torch.equal(part.maps[i][0], bank.maps[j][0]) for i, j in ((0, 1), (1, 3))] == [True, True]
    only = bank.subset(torch.tensor([False, True, True, False]))
    assert only.class_names == ("b",)
    assert len(only.maps) == 2
    only.add(torch.randn(4, 5, 6), torch.ones(4, 5), 0)
    assert len(only.maps) == 3, "it keeps maps of what is added"
    assert len(bank.maps) == 4


def test_subset_recomputes_derived_values():
    bank = bank_of([0, 1])
    count = ("count", lambda bank: len(bank.maps))
    assert bank.derived(*count) == 2
    assert bank.subset(torch.tensor([True, False])).derived(*count) == 1
    bank.add(torch.randn(4, 5, 6), torch.ones(4, 5), 1)
    assert bank.derived(*count) == 3


def test_restore_reads_identical_instances_from_json():
    bank = bank_of([0, 1, 0])
    again = MemoryBank(bank.class_names, "f", maps_kept=True)
    for index in range(3):
        again.restore(json.loads(json.dumps(bank.instance(index), allow_nan=False)))
    same(again, bank)
    assert torch.equal(again.vectors, bank.vectors)
    assert again.labels.tolist() == [0, 1, 0]
    assert bank_of([0], kept=False).instance(0)["map"] == []
