"""INSID3 as a complete model, on synthetic images with known objects and as composed by the configs.

tests/proposals/test_clusters.py compares its regions with the paper patch by patch.
"""

import pytest
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from colour_world import BLUE, GREEN, RED, ColourEncoder, ColourSegmenter, canvas, paint
from ntt.config.schema import check_config
from ntt.errors import InputError
from ntt.matching import RegionMatcher
from ntt.matching.scorers import ClassMean
from ntt.memory import ReferenceMemory
from ntt.models import INSID3
from ntt.proposals import ClusterProposals
from ntt.refinement import GrabCut, NoRefinement, PromptedRefinement
from ntt.segmenters import NoSegmenter
from ntt.structures import Reference


def model(refiner=None, segmenter=None, **options):
    numbers = {"neck": 0.7, "class_overlap": 0.5, "max_instances": 100, **options}
    return INSID3(
        ColourEncoder(),
        segmenter or NoSegmenter(),
        ClusterProposals(0.6, 0.2),
        ReferenceMemory(0.2, 2, normalise=True, whole_image=True, whole_patches=True, maps=True),
        RegionMatcher(ClassMean(), **numbers),
        refiner,
    )


def references():
    """Create references with red and blue objects on grey, whose features are zero."""
    found = []
    for label, colour in enumerate((RED, BLUE)):
        for side in (20, 32):
            image = ground(64, 64, seed=side)
            mask = paint(image, colour, slice(8, 8 + side), slice(12, 12 + side))
            found.append(Reference(image, mask, label))
    return found


def ground(height, width, seed=0):
    """Create a green background, whose patches are most similar to each other."""
    image = canvas(height, width)
    paint(image, GREEN, slice(None), slice(None))
    return (image + 0.04 * torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))).clamp(
        0, 1
    )


def fitted(**options):
    return model(**options).fit(references(), ["red", "blue"])


def test_predict_finds_only_the_objects_of_both_classes():
    image = ground(128, 192)
    masks = [
        paint(image, RED, slice(16, 56), slice(24, 72)),
        paint(image, BLUE, slice(64, 120), slice(96, 168)),
        paint(image, RED, slice(16, 40), slice(120, 168)),
    ]
    found = fitted().predict(image)
    assert sorted(found.labels.tolist()) == [0, 0, 1]
    assert bool((found.scores > 0.9).all())
    for mask, label in zip(masks, (0, 1, 0), strict=True):
        ious = (found.masks & mask).flatten(1).sum(1) / (found.masks | mask).flatten(1).sum(1)
        best = int(ious.argmax())
        assert float(ious[best]) > 0.9
        assert int(found.labels[best]) == label


def test_predict_on_an_empty_image_returns_no_instances():
    found = fitted().predict(ground(70, 90, seed=3))
    assert len(found) == 0
    assert found.masks.shape == (0, 70, 90)


@pytest.mark.parametrize("neck", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("size", [(64, 64), (101, 67), (37, 150)])
def test_instances_of_a_class_cover_its_upsampled_region(size, neck):
    height, width = size
    image = ground(height, width)
    paint(image, RED, slice(height // 8, height // 2), slice(width // 8, width // 2))
    paint(image, RED, slice(height // 3, height // 3 + 5), slice(width // 8, 7 * width // 8))
    paint(image, RED, slice(height // 5, 3 * height // 4), slice(2 * width // 3, 7 * width // 8))
    paint(image, BLUE, slice(5 * height // 8, height), slice(0, width // 3))
    network = fitted(neck=neck, class_overlap=1)
    proposals = network.propose(*network.embed([image]), network.encode(image))
    found = network.predict(image)
    assert proposals.labels.tolist() == [0, 1]
    for logits, label in zip(proposals.logits, (0, 1), strict=True):
        region = (logits > 0)[None, None].float()
        expected = F.interpolate(region, size, mode="bilinear")[0, 0] > 0.5
        assert bool(expected.any())
        mine = found.masks[found.labels == label]
        assert torch.equal(mine.any(dim=0), expected)
        assert int(mine.sum(dim=0).max()) == 1


def test_fit_works_with_one_reference_per_class():
    image = ground(128, 192)
    mask = paint(image, BLUE, slice(16, 88), slice(24, 120))
    found = model().fit([references()[0], references()[2]], ["red", "blue"]).predict(image)
    assert found.labels.tolist() == [1]
    assert float((found.masks[0] & mask).sum() / (found.masks[0] | mask).sum()) > 0.9


def test_two_references_on_one_image_are_matched_as_one_mask():
    """As two images, each object alone would get half of the votes; as one image, their union is matched."""
    image = ground(64, 64)
    masks = [paint(image, RED, slice(8, 24), slice(8, 24)), paint(image, RED, slice(36, 60), slice(36, 60))]
    both = [Reference(image, mask, 0) for mask in masks]
    union = [Reference(image, masks[0] | masks[1], 0)]
    target = ground(128, 128)
    paint(target, RED, slice(32, 88), slice(32, 88))
    one, other = (model().fit(given, ["red"]) for given in (both, union))
    features = one.encode(target)
    assert torch.equal(
        one.propose(*one.embed([target]), features).logits,
        other.propose(*other.embed([target]), features).logits,
    )
    assert len(one.predict(target)) == 1


def test_predict_agrees_after_save_and_load(tmp_path):
    image = ground(96, 96)
    paint(image, RED, slice(16, 56), slice(24, 72))
    first = fitted()
    first.memory.save(tmp_path / "memory.safetensors")
    second = model()
    second.reset_memory(["red", "blue"]).load(tmp_path / "memory.safetensors")
    for field in ("masks", "boxes", "scores", "labels"):
        assert torch.equal(getattr(first.predict(image), field), getattr(second.predict(image), field))


def test_added_references_are_matched():
    image = ground(96, 96)
    paint(image, BLUE, slice(16, 56), slice(24, 72))
    network = model().fit(references()[:2], ["red"])
    assert len(network.predict(image)) == 0
    network.add(references()[2:], ["red", "blue"])
    assert network.predict(image).labels.tolist() == [1]
    assert len(network.memory.maps) == 4


def test_a_memory_without_maps_is_rejected_in_one_line():
    network = model()
    network.reference_memory = ReferenceMemory(0.2, 2, whole_image=True)
    network.fit(references(), ["red", "blue"])
    with pytest.raises(InputError, match=r"^model\.memory\.maps must be true .*$"):
        network.predict(ground(64, 64))


class Counting(ColourSegmenter):
    """Count encoded images."""

    def __init__(self):
        super().__init__()
        self.encoded = 0

    def encode(self, image):
        self.encoded += 1
        return super().encode(image)


def test_segmenter_encodes_images_only_for_a_refiner_with_prompts():
    segmenter = Counting()
    image = ground(64, 64)
    paint(image, RED, slice(8, 40), slice(8, 40))
    fitted(segmenter=segmenter).predict(image)
    fitted(segmenter=segmenter, refiner=GrabCut(0.5, 1.0, 128, 1, 0.5)).predict(image)
    assert segmenter.encoded == 0
    fitted(segmenter=segmenter, refiner=PromptedRefinement(0.5)).predict(image)
    assert segmenter.encoded == 1


def test_grabcut_refines_the_predicted_masks():
    image = ground(240, 320)
    rows, columns = torch.meshgrid(torch.arange(240), torch.arange(320), indexing="ij")
    truth = (rows - 120) ** 2 + (columns - 150) ** 2 <= 61**2
    image[:, truth] = torch.tensor(RED)[:, None]

    def overlap(found):
        assert found.labels.tolist() == [0]
        return float((found.masks[0] & truth).sum() / (found.masks[0] | truth).sum())

    coarse = overlap(fitted().predict(image))
    assert coarse < 0.96
    assert overlap(fitted(refiner=GrabCut(0.5, 1.0, 256, 2, 0.5)).predict(image)) > 0.98


# Models composed by the configs.


@pytest.fixture
def composed(project_root):
    def from_words(*words):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            return compose("train", ["paths.output=null", *words])

    return from_words


def test_config_has_the_hyperparameters_of_the_paper(composed):
    cfg = composed("model=insid3", "segmenter=none")
    assert (cfg.model.proposals.tau, cfg.model.proposals.min_score) == (0.6, 0.2)
    memory = OmegaConf.to_container(cfg.model.memory)
    expected = {"whole_image": True, "normalise": True, "whole_patches": True, "maps": True}
    assert {key: memory[key] for key in expected} == expected


def test_experiment_has_the_setting_of_the_paper(composed):
    cfg = composed("experiment=insid3")
    assert (cfg.encoder.name, cfg.encoder.img_size) == ("dinov3_large", 1024)
    assert (cfg.encoder.debias.rank, cfg.encoder.debias.image) == (500, "black")
    assert cfg.segmenter._target_ == "ntt.segmenters.NoSegmenter"
    assert cfg.refine._target_ == "ntt.refinement.NoRefinement"
    assert list(cfg.encoder.layers) == [-1]
    assert cfg.model.matcher.neck == 0


@pytest.mark.parametrize(("refine", "kind"), [("none", NoRefinement), ("grabcut", GrabCut)])
def test_config_without_segmenter_fits_and_predicts(composed, refine, kind):
    words = [
        "model=insid3",
        "segmenter=none",
        f"refine={refine}",
        "encoder=dinov3_nano",
        "encoder.img_size=160",
    ]
    network = instantiate(composed(*words).model)
    assert isinstance(network, INSID3)
    assert isinstance(network.refiner, kind)
    network.fit(references(), ["red", "blue"])
    image = ground(90, 120)
    paint(image, RED, slice(20, 70), slice(30, 80))
    found = network.predict(image)
    assert found.labels.tolist() == [0]
    assert found.masks.shape == (1, 90, 120)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("model.proposals.tau=1.5", "model.proposals.tau must be in [-1, 1], got 1.5"),
        ("model.matcher.neck=-0.5", "model.matcher.neck must be in [0, 1], got -0.5"),
        ("model.matcher.class_overlap=2", "model.matcher.class_overlap must be in [0, 1], got 2"),
        ("refine.clean_up.min_part=1.5", "refine.clean_up.min_part must be in [0, 1], got 1.5"),
        ("refine.clean_up.max_hole=-1", "refine.clean_up.max_hole must be in [0, 1], got -1"),
    ],
)
def test_config_with_an_option_out_of_range_gives_a_one_line_error(composed, word, line):
    words = [
        "model=insid3",
        "segmenter=none",
        "encoder=untrained",
        "encoder.img_size=64",
        "paths.output=o",
        word,
    ]
    with pytest.raises(InputError) as caught:
        check_config(composed(*words))
    assert str(caught.value) == line
