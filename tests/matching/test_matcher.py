"""The matcher, compared with a slow and simple implementation of scoring and merging."""

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ntt.matching import CosineConfidence, PrototypeMatcher, SoftmaxConfidence
from ntt.matching.scorers import ClassMean
from ntt.memory import MemoryBank
from ntt.segmenters import Proposals
from ntt.structures import Instances

# No box IoU of small integer boxes equals this threshold, so rounding does not matter.
NMS_IOU = 0.48371


@dataclass
class Candidate:
    mask: Tensor
    logits: Tensor
    iou: float
    vector: Tensor
    label: int
    score: float


def cos(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def box(mask: Tensor) -> tuple[int, int, int, int]:
    ys, xs = torch.where(mask)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def box_iou(a: Tensor, b: Tensor) -> float:
    ax1, ay1, ax2, ay2 = box(a)
    bx1, by1, bx2, by2 = box(b)
    inter = max(0, min(ax2, bx2) - max(ax1, bx1)) * max(0, min(ay2, by2) - max(ay1, by1))
    return inter / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter)


def oracle_score(features: Tensor, proposals: Proposals, prototypes: Tensor) -> list[Candidate]:
    """Pool upsampled features inside each mask and assign the nearest prototype."""
    size = proposals.logits.shape[-1]
    upsampled = F.interpolate(features.permute(2, 0, 1)[None], (size, size), mode="bilinear")[0]
    candidates = []
    for logits, iou in zip(proposals.logits, proposals.iou, strict=True):
        mask = logits > 0
        if not mask.any():
            continue
        vector = torch.stack([channel[mask].mean() for channel in upsampled])
        cosines = [cos(vector, prototype) for prototype in prototypes]
        label = max(range(len(cosines)), key=cosines.__getitem__)
        candidates.append(Candidate(mask, logits, float(iou), vector, label, max(0.0, cosines[label])))
    return candidates


def oracle_nms(candidates: list[Candidate], limit: int) -> list[Candidate]:
    """By decreasing predicted IoU, keep proposals that overlap no kept one of their class."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=lambda candidate: -candidate.iou):
        if all(one.label != other.label or box_iou(one.mask, other.mask) <= NMS_IOU for other in kept):
            kept.append(one)
    return kept[:limit]


def oracle_merge(kept: list[Candidate]) -> list[float]:
    """Multiply each score by ``sqrt(1 - IoS)``."""
    scores = []
    for i, one in enumerate(kept):
        ios = 0.0
        for other in kept[:i]:
            if other.label == one.label:
                share = int((one.mask & other.mask).sum()) / int(one.mask.sum())
                ios = max(ios, share * max(0.0, cos(one.vector, other.vector)))
        scores.append(one.score * max(0.0, 1 - ios) ** 0.5)
    return scores


def oracle(
    features: Tensor, proposals: Proposals, prototypes: Tensor, height: int, width: int, limit: int, best: int
) -> list[tuple[float, int, Tensor]]:
    kept = oracle_nms(oracle_score(features, proposals, prototypes), limit)
    found = []
    for one, score in zip(kept, oracle_merge(kept), strict=True):
        mask = F.interpolate(one.logits[None, None], (height, width), mode="bilinear")[0, 0] > 0
        found.append((score, one.label, mask))
    found = sorted(found, key=lambda triple: -triple[0])[:best]
    return [triple for triple in found if triple[2].any()]


def scene(seed: int, number: int, classes: int, size: int = 20) -> tuple[Tensor, Proposals, Tensor]:
    """Create features, overlapping rectangles with ragged edges (some empty), and prototypes in float64."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    logits = rand(number, size, size) - 3
    for mask in logits:
        (y1, y2), (x1, x2) = (sorted(rand(2).mul(size).long().tolist()) for _ in range(2))
        mask[y1:y2, x1:x2] += 3 - 0.1
    features = rand(5, 4, 6) - 0.4
    prototypes = rand(classes, 6).float().double() - 0.5  # exact in float32, like in the memory
    return features, Proposals(logits, rand(number)), prototypes


def remembered(prototypes: Tensor) -> MemoryBank:
    """Create a memory with one instance per class."""
    bank = MemoryBank([str(label) for label in range(len(prototypes))], "")
    for label, prototype in enumerate(prototypes):
        bank.add(prototype[None, None], torch.ones(1, 1), label)
    bank.aggregate()
    return bank


def assert_same(instances: Instances, expected: list[tuple[float, int, Tensor]]) -> None:
    assert len(instances) == len(expected)
    assert bool((instances.scores.diff() <= 0).all()), "best first"

    def key(triple: tuple[float, int, Tensor]) -> tuple[int, bytes, float]:
        return triple[1], triple[2].numpy().tobytes(), triple[0]

    got = zip(instances.scores.tolist(), instances.labels.tolist(), instances.masks, strict=True)
    for mine, theirs in zip(sorted(got, key=key), sorted(expected, key=key), strict=True):
        assert mine[0] == pytest.approx(theirs[0], abs=1e-5)
        assert mine[1] == theirs[1]
        assert torch.equal(mine[2], theirs[2])
    for found, mask in zip(instances.boxes.tolist(), instances.masks, strict=True):
        assert tuple(found) == box(mask)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 25), st.integers(1, 4), st.integers(3, 50), st.integers(3, 50))
def test_matcher_agrees_with_the_naive_version(seed, number, classes, height, width):
    features, proposals, prototypes = scene(seed, number, classes)
    matcher = PrototypeMatcher(ClassMean(), CosineConfidence(), NMS_IOU, candidates=800, max_instances=100)
    instances = matcher(features, proposals, remembered(prototypes), height, width)
    assert instances.masks.shape[1:] == (height, width)
    assert_same(instances, oracle(features, proposals, prototypes, height, width, 800, 100))


@pytest.mark.parametrize(("candidates", "best"), [(6, 100), (800, 4), (7, 3)])
def test_matcher_limits_agree_with_the_naive_version(candidates, best):
    features, proposals, prototypes = scene(11, 40, 2)
    instances = PrototypeMatcher(ClassMean(), CosineConfidence(), NMS_IOU, candidates, best)(
        features, proposals, remembered(prototypes), 33, 21
    )
    expected = oracle(features, proposals, prototypes, 33, 21, candidates, best)
    assert 0 < len(expected) <= min(candidates, best)
    assert len(expected) < len(oracle(features, proposals, prototypes, 33, 21, 800, 100))
    assert_same(instances, expected)


def test_the_scenes_exercise_every_step():
    """Check that the scenes of the tests above contain suppressed and merged masks."""
    features, proposals, prototypes = scene(11, 40, 2)
    scored = oracle_score(features, proposals, prototypes)
    kept = oracle_nms(scored, 800)
    merged = oracle_merge(kept)
    assert len(scored) < 40, "some masks are empty"
    assert len(kept) < len(scored), "some are suppressed"
    assert sum(new < one.score - 0.01 for new, one in zip(merged, kept, strict=True)) > 3, "some lose score"
    assert any(one.score == 0 for one in kept), "some cosines are clamped"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_matcher_without_proposals_or_classes_returns_no_instances(dtype):
    matcher = PrototypeMatcher(ClassMean(), CosineConfidence(), 0.5, 800, 100)
    features, prototypes = torch.rand(4, 4, 3, dtype=dtype), torch.rand(2, 3, dtype=dtype)
    none = Proposals(torch.zeros(0, 8, 8, dtype=dtype), torch.zeros(0, dtype=dtype))
    outside = Proposals(torch.full((3, 8, 8), -1.0, dtype=dtype), torch.ones(3, dtype=dtype))
    for proposals in (none, outside):
        instances = matcher(features, proposals, remembered(prototypes), 7, 9)
        assert len(instances) == 0
        assert instances.masks.shape == (0, 7, 9)
        assert instances.boxes.shape == (0, 4)
    inside = Proposals(torch.ones(1, 8, 8), torch.ones(1))
    assert len(matcher(features.float(), inside, MemoryBank((), ""), 7, 9)) == 0


def test_nan_values_affect_only_their_own_mask():
    features, proposals, prototypes = scene(3, 12, 2)
    matcher = PrototypeMatcher(ClassMean(), CosineConfidence(), NMS_IOU, 800, 100)
    clean = matcher(features, proposals, remembered(prototypes), 20, 20)
    logits = torch.cat([proposals.logits, torch.full((1, 20, 20), torch.nan, dtype=torch.float64)])
    iou = torch.cat([proposals.iou, torch.tensor([2.0], dtype=torch.float64)])
    spoiled = matcher(features, Proposals(logits, iou), remembered(prototypes), 20, 20)
    torch.testing.assert_close(spoiled.scores, clean.scores)
    features[0, 0] = torch.nan
    scores = matcher(features, proposals, remembered(prototypes), 20, 20).scores
    assert bool(scores.isfinite().all())


def test_a_mask_that_is_empty_at_image_size_is_dropped():
    logits = torch.full((2, 16, 16), -8.0)
    logits[0, 5, 5] = 0.1  # one weak cell, which vanishes after interpolation
    logits[1, 8:, 8:] = 8.0
    instances = PrototypeMatcher(ClassMean(), CosineConfidence(), 0.5, 800, 100)(
        torch.rand(4, 4, 3), Proposals(logits, torch.tensor([0.9, 0.8])), remembered(torch.rand(1, 3)), 4, 4
    )
    assert len(instances) == 1
    assert instances.boxes.tolist() == [[2, 2, 4, 4]]


def test_nms_uses_the_priority_of_the_confidence():
    """Two proposals share a box: the one with higher predicted IoU is ambiguous between two classes."""
    torn, sure = torch.full((8, 8), -8.0), torch.full((8, 8), -8.0)
    torn[2:6, 2:6] = 8.0
    sure[2:6, 2:6] = 8.0
    sure[2:6, 5] = -8.0
    features = torch.zeros(8, 8, 2)
    features[:, :5, 0] = 1.0
    features[:, 5:, 1] = 2.5
    proposals = Proposals(torch.stack([torn, sure]), torch.tensor([0.9, 0.8]))

    def masks(confidence):
        matcher = PrototypeMatcher(ClassMean(), confidence, 0.5, 800, 100)
        return matcher(features, proposals, remembered(torch.eye(2)), 8, 8).masks

    assert masks(CosineConfidence()).flatten(1).sum(1).tolist() == [16]
    assert masks(SoftmaxConfidence(0.1)).flatten(1).sum(1).tolist() == [12]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_matcher_on_gpu_agrees_with_cpu():
    features, proposals, prototypes = scene(11, 40, 2)
    matcher = PrototypeMatcher(ClassMean(), CosineConfidence(), NMS_IOU, 800, 100)
    on_cpu = matcher(features, proposals, remembered(prototypes), 33, 21)
    on_gpu = matcher(
        features.cuda(),
        Proposals(proposals.logits.cuda(), proposals.iou.cuda()),
        remembered(prototypes),
        33,
        21,
    )
    assert on_gpu.masks.device.type == "cpu"
    torch.testing.assert_close(on_gpu.scores, on_cpu.scores)
    assert torch.equal(on_gpu.masks, on_cpu.masks)
