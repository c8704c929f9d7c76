"""The grid model on images with known objects."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from ntt.errors import InputError
from ntt.matching import CosineConfidence, PrototypeMatcher
from ntt.matching.scorers import ClassMean
from ntt.memory import ReferenceMemory
from ntt.models import Sam2MatchingBaselineNoAMG
from ntt.proposals import GridProposals
from ntt.segmenters import Sam2Segmenter
from ntt.structures import Prompt


def mask_iou(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_predict_finds_each_object_with_its_class(colours):
    fitted = colours.model().fit(colours.references(), ["red thing", "blue thing"])
    image = colours.canvas(96, 128)
    red = colours.paint(image, colours.RED, slice(9, 51), slice(8, 48))
    blue = colours.paint(image, colours.BLUE, slice(60, 90), slice(80, 120))
    colours.paint(image, colours.GREEN, slice(60, 90), slice(8, 48))

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
    assert (found.scores > 0.6).sum() == 2, "the green distractor is similar to neither class"


def test_predict_equals_encode_propose_and_match(colours):
    fitted = colours.model().fit(colours.references(), ["red thing", "blue thing"])
    image = colours.canvas(50, 70)
    colours.paint(image, colours.RED, slice(10, 30), slice(10, 40))
    features = fitted.encode(image)
    assert features.shape == (16, 16, 3)
    proposals = fitted.propose(*fitted.embed([image]), features)
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


def test_predict_on_an_empty_image_returns_no_instances(colours):
    found = (
        colours.model().fit(colours.references(), ["red thing", "blue thing"]).predict(colours.canvas(40, 30))
    )
    assert len(found) == 0
    assert found.masks.shape == (0, 40, 30)


def test_fit_equals_fill_and_aggregate_and_replaces_the_memory(colours):
    one, other = colours.model(), colours.model()
    one.replace_references(iter(colours.references()), ["red thing", "blue thing"])
    assert len(one.memory) == 6
    one.memory.aggregate()
    other.fit(colours.references()[:3], ["red thing"]).fit(colours.references(), ["red thing", "blue thing"])
    assert torch.equal(one.memory.prototypes, other.memory.prototypes)
    assert other.memory.class_names == ("red thing", "blue thing")


def test_fit_creates_pseudo_masks_for_references_without_masks(colours):
    names = ["red thing", "blue thing"]
    drawn = colours.references()
    boxed = []
    for reference in drawn:
        rows, columns = torch.nonzero(reference.mask, as_tuple=True)
        corners = (columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1)
        boxed.append(replace(reference, mask=None, prompt=Prompt(tuple(map(float, corners)))))
    expected = colours.model().fit(drawn, names).memory.prototypes
    found = colours.model().fit(boxed, names).memory.prototypes
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)


@pytest.mark.parametrize("prompt", [None, Prompt((70.0, 50.0, 70.0, 50.0))])
def test_a_reference_with_a_missing_or_empty_mask_is_an_input_error(colours, prompt):
    reference = replace(colours.references()[0], mask=None, source="here.jpg", prompt=prompt)
    with pytest.raises(InputError, match=r"here\.jpg: the mask of this reference is empty"):
        colours.model().fit([reference], ["red thing"])


def test_memory_can_only_be_loaded_for_the_same_references(colours, tmp_path):
    first, second = colours.model(), colours.model()
    names = ["red thing", "blue thing"]
    first.replace_references(colours.references(), names, references_fingerprint="five shots")
    first.memory.aggregate()
    first.memory.save(tmp_path / "memory.safetensors")
    second.reset_memory(names, "five shots").load(tmp_path / "memory.safetensors")
    image = colours.canvas(64, 64)
    colours.paint(image, colours.BLUE, slice(10, 40), slice(10, 40))
    assert torch.equal(first.predict(image).scores, second.predict(image).scores)
    with pytest.raises(InputError, match="other weights, references or classes"):
        second.reset_memory(names, "ten shots").load(tmp_path / "memory.safetensors")


def test_a_class_without_references_is_an_input_error(colours):
    with pytest.raises(InputError, match="no reference of green thing"):
        colours.model().fit(colours.references(), ["red thing", "blue thing", "green thing"])


def sam2_model(colours, image_size: int) -> Sam2MatchingBaselineNoAMG:
    config = OmegaConf.load(Path(__file__).parents[2] / "conf" / "segmenter" / "sam2_nano.yaml")
    segmenter = Sam2Segmenter(config.name, config.config, image_size, "random", overrides=config.overrides)
    return Sam2MatchingBaselineNoAMG(
        colours.Encoder(),
        segmenter,
        GridProposals(4, 0.0),
        ReferenceMemory(0.2, 2),
        PrototypeMatcher(ClassMean(), CosineConfidence(), 0.5, 800, 5),
    ).fit(colours.references(), ["red thing", "blue thing"])


def test_model_runs_with_sam2(colours):
    found = sam2_model(colours, 128).predict(torch.rand(3, 40, 60))
    assert 0 < len(found) <= 5
    assert found.masks.shape == (len(found), 40, 60)
    assert bool(found.masks.flatten(1).any(dim=1).all())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_model_on_gpu_agrees_with_cpu(colours):
    image = torch.rand(3, 40, 60)
    on_cpu = sam2_model(colours, 128)
    on_gpu = sam2_model(colours, 128).cuda().fit(colours.references(), ["red thing", "blue thing"])
    proposals, expected = (
        each.propose(*each.embed([image]), each.encode(image)) for each in (on_gpu, on_cpu)
    )
    assert proposals.logits.is_cuda
    torch.testing.assert_close(proposals.logits.cpu(), expected.logits, atol=1e-2, rtol=1e-2)
    assert on_gpu.predict(image).masks.device.type == "cpu"
