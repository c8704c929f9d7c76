"""The grid model on pictures whose answer is known, with an encoder and a segmenter that see colours."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf

from ntt.encoders.base import Encoder
from ntt.errors import InputError
from ntt.matching import CosineConfidence, PrototypeMatcher
from ntt.matching.scorers import ClassMean
from ntt.memory import ReferenceMemory
from ntt.models import Sam2MatchingBaselineNoAMG
from ntt.proposals import GridProposals
from ntt.segmenters import ImageEmbedding, Prompts, Proposals, Sam2Segmenter, Segmenter
from ntt.structures import Prompt, Reference

GREY = 0.5
RED, BLUE, GREEN = (1.0, 0.2, 0.2), (0.2, 0.2, 1.0), (0.2, 1.0, 0.2)


class ColourEncoder(Encoder):
    """A patch's feature is its mean colour, grey being zero."""

    name, embed_dim, patch_size, img_size, fingerprint = "colour", 3, 4, 64, "colour"

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, images):
        return F.avg_pool2d(images * self.weight - GREY, 4).permute(0, 2, 3, 1)


class ColourSegmenter(Segmenter):
    """A prompt's mask is everything of the colour under it; its IoU is high off the grey."""

    name, image_size, mask_size, fingerprint = "colour", 64, 32, "colour"

    def encode(self, image):
        small = F.interpolate(image[None], (self.mask_size, self.mask_size), mode="area")
        return ImageEmbedding(small, ())

    def decode(self, embedding, prompts: Prompts, min_iou=-1.0):
        x, y = (prompts.points[:, 0] / 2).long().unbind(dim=1)
        picture = embedding.features[0]
        colours = picture[:, y, x].T[:, :, None, None]
        logits = 0.15 - (picture[None] - colours).abs().amax(dim=1)
        iou = (colours[:, :, 0, 0] - GREY).abs().amax(dim=1) * 2
        return Proposals(logits[iou > min_iou], iou[iou > min_iou])


def model(min_iou: float = 0.4) -> Sam2MatchingBaselineNoAMG:
    return Sam2MatchingBaselineNoAMG(
        ColourEncoder(),
        ColourSegmenter(),
        GridProposals(16, min_iou),
        ReferenceMemory(0.2, 2),
        PrototypeMatcher(ClassMean(), CosineConfidence(), 0.5, 800, 100),
    )


def canvas(height: int, width: int) -> torch.Tensor:
    return torch.full((3, height, width), GREY)


def paint(
    image: torch.Tensor, colour: tuple[float, float, float], rows: slice, columns: slice
) -> torch.Tensor:
    image[:, rows, columns] = torch.tensor(colour)[:, None, None]
    mask = torch.zeros(image.shape[1:], dtype=torch.bool)
    mask[rows, columns] = True
    return mask


def references() -> list[Reference]:
    found = []
    for label, colour in enumerate((RED, BLUE)):
        for side in (20, 30, 40):
            image = canvas(60, 80)
            mask = paint(image, colour, slice(5, 5 + side), slice(10, 10 + side))
            found.append(Reference(image, mask, label))
    return found


def mask_iou(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_predict_finds_each_object_with_its_class():
    fitted = model().fit(references(), ["red thing", "blue thing"])
    image = canvas(96, 128)
    red = paint(image, RED, slice(9, 51), slice(8, 48))
    blue = paint(image, BLUE, slice(60, 90), slice(80, 120))
    paint(image, GREEN, slice(60, 90), slice(8, 48))

    found = fitted.predict(image)
    assert found.masks.shape[1:] == (96, 128)
    for label, truth in enumerate((red, blue)):
        best = int(torch.nonzero(found.labels == label)[0])
        assert found.scores[best] > 0.9
        assert mask_iou(found.masks[best], truth) > 0.85
        x1, y1, x2, y2 = found.boxes[best].tolist()
        ys, xs = torch.where(truth)
        wanted = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert all(abs(a - b) <= 4 for a, b in zip((x1, y1, x2, y2), wanted, strict=True))
    assert (found.scores > 0.6).sum() == 2, "the green distractor resembles neither"


def test_predict_is_the_three_stages_in_a_row():
    fitted = model().fit(references(), ["red thing", "blue thing"])
    image = canvas(50, 70)
    paint(image, RED, slice(10, 30), slice(10, 40))
    features = fitted.encode(image)
    assert features.shape == (16, 16, 3)
    proposals = fitted.propose(image, features)
    staged = fitted.match(features, proposals, 50, 70)
    predicted = fitted.predict(image)
    assert len(staged) > 0
    assert torch.equal(staged.masks, predicted.masks)
    assert torch.equal(staged.scores, predicted.scores)
    maps = fitted.similarity(features)
    assert maps.shape == (2, 16, 16)
    assert maps[0, 5, 5] > 0.9 > maps[1, 5, 5]
    assert not features.requires_grad
    assert not proposals.logits.requires_grad


def test_an_image_with_nothing_gives_an_empty_result():
    found = model().fit(references(), ["red thing", "blue thing"]).predict(canvas(40, 30))
    assert len(found) == 0
    assert found.masks.shape == (0, 40, 30)


def test_fill_then_aggregate_is_fit_and_fit_replaces():
    one, other = model(), model()
    one.fill(iter(references()), ["red thing", "blue thing"])
    assert len(one.memory) == 6
    one.memory.aggregate()
    other.fit(references()[:3], ["red thing"]).fit(references(), ["red thing", "blue thing"])
    assert torch.equal(one.memory.prototypes, other.memory.prototypes)
    assert other.memory.class_names == ("red thing", "blue thing")


def test_fit_makes_the_masks_that_references_lack():
    names = ["red thing", "blue thing"]
    drawn = references()
    boxed = []
    for reference in drawn:
        rows, columns = torch.nonzero(reference.mask, as_tuple=True)
        corners = (columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1)
        boxed.append(replace(reference, mask=None, prompt=Prompt(tuple(map(float, corners)))))
    expected = model().fit(drawn, names).memory.prototypes
    found = model().fit(boxed, names).memory.prototypes
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)


@pytest.mark.parametrize("prompt", [None, Prompt((70.0, 50.0, 70.0, 50.0))])
def test_a_reference_without_mask_or_with_an_empty_one_is_an_input_error(prompt):
    reference = replace(references()[0], mask=None, source="here.jpg", prompt=prompt)
    with pytest.raises(InputError, match=r"here\.jpg: the mask of this reference is empty"):
        model().fit([reference], ["red thing"])


def test_memory_is_saved_and_loaded_only_for_the_same_references(tmp_path):
    first, second = model(), model()
    names = ["red thing", "blue thing"]
    first.fill(references(), names, references_digest="five shots")
    first.memory.aggregate()
    first.memory.save(tmp_path / "memory.safetensors")
    second.start_memory(names, "five shots").load(tmp_path / "memory.safetensors")
    image = canvas(64, 64)
    paint(image, BLUE, slice(10, 40), slice(10, 40))
    assert torch.equal(first.predict(image).scores, second.predict(image).scores)
    with pytest.raises(InputError, match="another encoder"):
        second.start_memory(names, "ten shots").load(tmp_path / "memory.safetensors")


def test_a_class_without_reference_is_an_input_error():
    with pytest.raises(InputError, match="no reference of green thing"):
        model().fit(references(), ["red thing", "blue thing", "green thing"])


def sam2_model(image_size: int) -> Sam2MatchingBaselineNoAMG:
    config = OmegaConf.load(Path(__file__).parents[2] / "conf" / "segmenter" / "sam2_nano.yaml")
    segmenter = Sam2Segmenter(config.name, config.config, image_size, "random", overrides=config.overrides)
    return Sam2MatchingBaselineNoAMG(
        ColourEncoder(),
        segmenter,
        GridProposals(4, 0.0),
        ReferenceMemory(0.2, 2),
        PrototypeMatcher(ClassMean(), CosineConfidence(), 0.5, 800, 5),
    ).fit(references(), ["red thing", "blue thing"])


def test_runs_with_sam2():
    found = sam2_model(128).predict(torch.rand(3, 40, 60))
    assert 0 < len(found) <= 5
    assert found.masks.shape == (len(found), 40, 60)
    assert bool(found.masks.flatten(1).any(dim=1).all())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_gives_what_the_cpu_gives():
    image = torch.rand(3, 40, 60)
    on_cpu = sam2_model(128)
    on_gpu = sam2_model(128).cuda().fit(references(), ["red thing", "blue thing"])
    proposals, expected = (each.propose(image, each.encode(image)) for each in (on_gpu, on_cpu))
    assert proposals.logits.is_cuda
    torch.testing.assert_close(proposals.logits.cpu(), expected.logits, atol=1e-2, rtol=1e-2)
    assert on_gpu.predict(image).masks.device.type == "cpu"
