"""Unit tests of the pure matching functions."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou

from ntt.matching import (
    Queries,
    boxes_from_masks,
    class_nms,
    classify,
    cosine,
    ops,
    resize_masks,
    similarity_maps,
    soft_merge,
)

sizes = st.integers(1, 12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), sizes, sizes, st.integers(1, 30), st.integers(1, 30), st.integers(0, 4))
def test_pooling_equals_the_mean_of_upsampled_features(seed, h, w, m, n, number):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(h, w, 5, generator=generator)
    masks = torch.rand(number, m, n, generator=generator) > 0.5
    pooled = Queries.of(features, masks).vectors
    assert pooled.shape == (number, 5)
    upsampled = F.interpolate(features.permute(2, 0, 1)[None], (m, n), mode="bilinear")[0]
    for vector, mask in zip(pooled, masks, strict=True):
        expected = upsampled[:, mask].mean(dim=1) if mask.any() else torch.zeros(5)
        torch.testing.assert_close(vector, expected, atol=1e-4, rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 5), sizes, sizes, st.floats(0.5, 1))
def test_boxes_are_tight_with_exclusive_right_and_bottom(seed, number, height, width, threshold):
    masks = torch.rand(number, height, width, generator=torch.Generator().manual_seed(seed)) > threshold
    boxes = boxes_from_masks(masks)
    assert boxes.shape == (number, 4)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.long().tolist(), strict=True):
        inside = torch.zeros_like(mask)
        inside[y1:y2, x1:x2] = True
        assert not (mask & ~inside).any(), "contains the mask"
        if mask.any():
            edges = (mask[y1], mask[y2 - 1], mask[:, x1], mask[:, x2 - 1])
            assert all(edge.any() for edge in edges), "and touches it on every side"
        else:
            assert (x1, y1, x2, y2) == (0, 0, 0, 0)


def test_cosine_of_zero_and_nan_vectors_is_zero():
    vectors = torch.tensor([[0.0, 0.0], [torch.nan, 1.0], [3.0, 4.0], [-3.0, -4.0]])
    expected = torch.tensor([[0.0], [0.0], [1.0], [-1.0]])
    torch.testing.assert_close(cosine(vectors, torch.tensor([[6.0, 8.0]])), expected)


def test_classify_returns_the_nearest_prototype_and_clamped_scores():
    prototypes = torch.tensor([[1.0, 0.0], [0.0, 5.0]])
    scores, labels = classify(cosine(torch.tensor([[2.0, 0.0], [1.0, 2.0], [-3.0, -1.0]]), prototypes))
    assert labels.tolist() == [0, 1, 1], "a negative cosine still has a nearest prototype"
    torch.testing.assert_close(scores, torch.tensor([1.0, 2 / 5**0.5, 0.0]))


def test_similarity_maps_are_cosines_of_patches():
    features, prototypes = torch.randn(3, 4, 6), torch.randn(2, 6)
    maps = similarity_maps(features, prototypes)
    assert maps.shape == (2, 3, 4)
    expected = F.cosine_similarity(features[1, 2], prototypes[1], dim=0)
    torch.testing.assert_close(maps[1, 1, 2], expected)


def test_nms_suppresses_within_classes_by_priority():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9], [50, 50, 60, 60]])
    iou = torch.tensor([0.5, 0.9, 0.8, 0.6])
    assert class_nms(boxes, iou, torch.tensor([0, 0, 1, 0]), 0.5, 10).tolist() == [1, 2, 3]
    assert class_nms(boxes, iou, torch.tensor([0, 0, 1, 0]), 0.5, 2).tolist() == [1, 2]
    assert class_nms(boxes[:0], iou[:0], torch.zeros(0, dtype=torch.int64), 0.5, 2).tolist() == []


def grid_boxes(generator, number, side):
    """Create small, strongly overlapping boxes far from the origin."""
    corner = torch.randint(0, 12, (number, 2), generator=generator) + side - 24
    extent = torch.randint(0, 12, (number, 2), generator=generator)
    return torch.cat([corner, corner + extent], dim=1).float()


def slow_nms(boxes, priority, labels, threshold):
    kept = []
    iou = box_iou(boxes.double(), boxes.double())
    for i in priority.argsort(descending=True).tolist():
        if not any(labels[i] == labels[j] and iou[i, j] > threshold for j in kept):
            kept.append(i)
    return kept


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    number=st.integers(0, 80) | st.just(1500),
    side=st.sampled_from([24, 256, 1024]),
    classes=st.sampled_from([1, 3, 1203]),
    threshold=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_nms_agrees_with_comparing_all_pairs(seed, number, side, classes, threshold):
    generator = torch.Generator().manual_seed(seed)
    boxes = grid_boxes(generator, number, side)
    priority = torch.randperm(number, generator=generator) / 1e4
    labels = classes - 1 - torch.randint(0, min(classes, 3), (number,), generator=generator)
    expected = slow_nms(boxes, priority, labels, threshold) if number < 100 else None
    kept = class_nms(boxes, priority, labels, threshold, number)
    if expected is not None:
        assert kept.tolist() == expected
    assert (priority[kept].diff() <= 0).all()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_nms_with_non_finite_values_returns_each_box_at_most_once(value):
    boxes, priority = torch.rand(6, 4), torch.rand(6)
    boxes[2], priority[3] = value, value
    kept = class_nms(boxes, priority, torch.tensor([0, 0, 0, 1, 1, 1]), 0.5, 10).tolist()
    assert len(set(kept)) == len(kept)
    assert set(kept) <= set(range(6))


def slow_merge(masks, vectors, scores, labels):
    new = scores.double()
    for i in range(len(masks)):
        contained = 0.0
        for j in range(i):
            if labels[i] == labels[j] and masks[i].any():
                share = (masks[i] & masks[j]).sum() / masks[i].sum()
                alike = F.cosine_similarity(vectors[i].double(), vectors[j].double(), dim=0)
                contained = max(contained, float(share * alike.nan_to_num(0).clamp(min=0)))
        new[i] *= max(1 - contained, 0) ** 0.5
    return new.float()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    number=st.integers(0, 12),
    side=sizes,
    density=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    spoilt=st.sampled_from([0.0, 1e-30, 1e18, torch.nan, torch.inf]),
)
def test_merging_agrees_with_comparing_all_pairs(seed, number, side, density, spoilt):
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(number, side, side, generator=generator) < density
    vectors = torch.randn(number, 3, generator=generator)
    vectors[::4] = vectors[::4] * spoilt
    scores, labels = torch.rand(number, generator=generator), torch.arange(number) % 2
    merged = soft_merge(masks, vectors, scores, labels)
    assert not merged.isnan().any()
    if spoilt != 1e-30:  # float32 treats such a vector as zero when normalising
        torch.testing.assert_close(merged, slow_merge(masks, vectors, scores, labels), atol=2e-3, rtol=0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([torch.nan, torch.inf, -torch.inf, 3e38]))
def test_a_patch_with_non_finite_features_affects_only_masks_on_it(seed, value):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(6, 6, 5, generator=generator)
    masks = torch.rand(8, 12, 12, generator=generator) > 0.5
    masks[:4, :8, :8] = False
    expected = Queries.of(features, masks).vectors
    features[1, 1, 2:] = value
    vectors = Queries.of(features, masks).vectors
    torch.testing.assert_close(vectors[:4], expected[:4])
    assert not cosine(vectors, torch.ones(2, 5)).isnan().any()


def test_merging_lowers_only_later_contained_masks_of_the_same_class():
    masks = torch.zeros(4, 4, 4, dtype=torch.bool)
    masks[0, :2] = True  # 8 cells
    masks[1, 0] = True  # inside the first
    masks[2, 0] = True  # the same, but of another class
    masks[3, 1:3] = True  # half inside the first
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    scores = soft_merge(masks, vectors, torch.full((4,), 0.8), torch.tensor([0, 0, 1, 0]))
    half_inside = 0.8 * (1 - 0.5 / 2**0.5) ** 0.5
    torch.testing.assert_close(scores, torch.tensor([0.8, 0.0, 0.8, half_inside]), atol=1e-3, rtol=0)
    opposite = soft_merge(masks[:2], torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), scores[[0, 0]], torch.zeros(2))
    assert torch.equal(opposite, scores[[0, 0]]), "dissimilar masks do not merge"


def test_merging_without_masks_returns_no_scores():
    none = soft_merge(torch.zeros(0, 4, 4) > 0, torch.zeros(0, 2), torch.zeros(0), torch.zeros(0))
    assert none.shape == (0,)


@pytest.mark.parametrize("chunk", [1, 50, 10_000])
def test_resizing_in_chunks_equals_resizing_at_once(monkeypatch, chunk):
    monkeypatch.setattr(ops, "RESIZED_ELEMENTS", chunk)
    logits = torch.randn(7, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(logits[:, None], (5, 11), mode="bilinear")[:, 0] > 0
    assert torch.equal(resize_masks(logits, 5, 11), expected)
    assert resize_masks(logits[:0], 5, 11).shape == (0, 5, 11)
