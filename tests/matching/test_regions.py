"""Splitting of class regions into instances that together cover the upsampled regions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.matching import RegionMatcher, boxes_from_masks, split_region
from ntt.matching.regions import resized_parts
from ntt.matching.scorers import ClassMean
from ntt.memory import MemoryBank
from ntt.segmenters import Proposals


def remembered(prototypes):
    bank = MemoryBank([f"class {label}" for label in range(len(prototypes))], "f")
    for label, prototype in enumerate(prototypes):
        bank.add(prototype[None, None], torch.ones(1, 1), label)
    bank.aggregate()
    return bank


def proposed(regions, labels):
    logits = torch.where(regions, 0.5, -0.5)
    return Proposals(logits, torch.ones(len(regions)), torch.tensor(labels, dtype=torch.int64))


def blobs(seed, number, height, width, cells):
    """Create random regions from resized coarse noise, with at least one patch each."""
    noise = torch.rand(number, 1, cells, cells, generator=torch.Generator().manual_seed(seed))
    regions = F.interpolate(noise, (height, width), mode="bilinear")[:, 0] > 0.5
    regions[:, height // 2, width // 2] = True
    return regions


def upsampled(region, height, width):
    return F.interpolate(region[None, None].float(), (height, width), mode="bilinear")[0, 0] > 0.5


def naive_bilinear(region, height, width):
    """Interpolate at every pixel centre between the centres of the four surrounding patches."""
    h, w = region.shape
    values = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            y = min(max((row + 0.5) * h / height - 0.5, 0), h - 1)
            x = min(max((column + 0.5) * w / width - 0.5, 0), w - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
            up = region[top, left] * (1 - (x - left)) + region[top, right] * (x - left)
            down = region[bottom, left] * (1 - (x - left)) + region[bottom, right] * (x - left)
            values[row, column] = up * (1 - (y - top)) + down * (y - top)
    return values


sides = st.integers(1, 14)
lengths = st.sampled_from([1, 3, 7, 15, 31, 64, 97])


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    number=st.integers(1, 3),
    grid=st.tuples(sides, sides),
    cells=st.sampled_from([1, 3, 5, 14]),
    size=st.tuples(lengths, lengths),
    neck=st.sampled_from([0.0, 0.5, 0.7, 1.0]),
)
def test_matcher_with_class_overlap_1_gives_exactly_the_upsampled_regions(
    seed, number, grid, cells, size, neck
):
    regions = blobs(seed, number, *grid, cells)
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(*grid, 6, generator=generator)
    memory = remembered(torch.randn(number + 1, 6, generator=generator))
    labels = torch.randperm(number + 1, generator=generator)[:number].tolist()
    matcher = RegionMatcher(ClassMean(), neck, class_overlap=1, max_instances=10_000)
    found = matcher(features, proposed(regions, labels), memory, *size)
    assert found.masks.shape == (len(found), *size)
    assert set(found.labels.tolist()) <= set(labels)
    for region, label in zip(regions, labels, strict=True):
        covering = found.masks[found.labels == label].sum(dim=0)
        assert covering.max() <= 1, "instances of a class are disjoint"
        assert torch.equal(covering > 0, upsampled(region, *size))
    assert bool(found.masks.flatten(1).any(dim=1).all())
    assert torch.equal(found.boxes, boxes_from_masks(found.masks))
    assert bool((found.scores.diff() <= 0).all()), "best first"
    assert bool(((found.scores >= 0) & (found.scores <= 1)).all())


@pytest.mark.parametrize("size", [(37, 51), (5, 4), (60, 13)])
def test_matcher_agrees_with_naive_bilinear_upsampling(size):
    regions = blobs(4, 1, 9, 11, 5)
    matcher = RegionMatcher(ClassMean(), 0.7, 1, 1000)
    found = matcher(torch.rand(9, 11, 3), proposed(regions, [0]), remembered(torch.rand(1, 3)), *size)
    values = naive_bilinear(regions[0].numpy(), *size)
    sure = np.abs(values - 0.5) > 1e-5
    assert sure.mean() > 0.8
    assert np.array_equal(found.masks.any(dim=0).numpy()[sure], (values > 0.5)[sure])


def test_matcher_scores_instances_by_their_mean_feature():
    """Two separate parts: one consists of the class, half of the other is something else."""
    regions = torch.zeros(1, 6, 12, dtype=torch.bool)
    regions[0, 1:5, 1:5] = True
    regions[0, 1:4, 7:10] = True
    features = torch.zeros(6, 12, 2)
    features[:, :6] = torch.tensor([3.0, 0.0])
    features[:, 6:] = torch.tensor([1.0, 1.0])
    found = RegionMatcher(ClassMean(), 0.7, 1, 100)(
        features, proposed(regions, [1]), remembered(torch.tensor([[0.0, 1.0], [2.0, 0.0]])), 60, 120
    )
    assert found.labels.tolist() == [1, 1]
    assert found.scores.tolist() == pytest.approx([1.0, 0.5**0.5], abs=1e-5)
    assert found.boxes.tolist() == [[10, 10, 50, 50], [70, 10, 100, 40]]


def test_matcher_clamps_scores_of_dissimilar_instances_at_zero():
    regions = torch.ones(1, 4, 4, dtype=torch.bool)
    features = torch.tensor([-1.0, 0.0]).expand(4, 4, 2)
    memory = remembered(torch.tensor([[1.0, 0.0]]))
    found = RegionMatcher(ClassMean(), 0, 1, 100)(features, proposed(regions, [0]), memory, 8, 8)
    assert found.scores.tolist() == [0.0]
    assert bool(found.masks.all())


def rivals():
    """Class 0 has one part, class 1 has two: one lies inside that of class 0 and scores lower."""
    regions = torch.zeros(2, 10, 20, dtype=torch.bool)
    regions[0, 1:9, 1:9] = True
    regions[1, 3:7, 3:7] = True
    regions[1, 2:8, 12:18] = True
    features = torch.zeros(10, 20, 2)
    features[:, :10] = torch.tensor([2.0, 1.0])
    features[:, 10:] = torch.tensor([0.0, 1.0])
    return features, proposed(regions, [0, 1]), remembered(torch.eye(2))


@pytest.mark.parametrize(
    ("class_overlap", "labels"), [(1, [1, 0, 1]), (0.5, [1, 0]), (0, [1, 0])], ids=lambda v: str(v)
)
def test_matcher_keeps_the_better_of_two_overlapping_classes(class_overlap, labels):
    features, proposals, memory = rivals()
    found = RegionMatcher(ClassMean(), 0, class_overlap, 100)(features, proposals, memory, 100, 200)
    assert found.labels.tolist() == labels
    assert found.boxes[:2].tolist() == [[120, 20, 180, 80], [10, 10, 90, 90]]


def test_matcher_keeps_classes_that_share_less_than_class_overlap():
    regions = torch.zeros(2, 10, 20, dtype=torch.bool)
    regions[0, 2:8, 2:10] = True
    regions[1, 2:8, 8:16] = True  # shares a quarter
    features, memory = torch.rand(10, 20, 3), remembered(torch.rand(2, 3))
    for class_overlap, number in ((0.26, 2), (0.24, 1)):
        matcher = RegionMatcher(ClassMean(), 0, class_overlap, 100)
        assert len(matcher(features, proposed(regions, [0, 1]), memory, 50, 100)) == number


def test_matcher_returns_at_most_max_instances():
    features, proposals, memory = rivals()
    found = RegionMatcher(ClassMean(), 0, 1, 2)(features, proposals, memory, 100, 200)
    assert found.labels.tolist() == [1, 0]
    assert found.scores.tolist() == pytest.approx([1.0, 2 / 5**0.5], abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), sides, sides, lengths, lengths)
def test_resized_parts_do_not_grow_into_omitted_parts(seed, h, w, height, width):
    region = blobs(seed, 1, h, w, 6)[0]
    parts = split_region(region, torch.rand(h, w, generator=torch.Generator().manual_seed(seed)), 1.0)
    everything = resized_parts(region, parts, height, width)
    assert torch.equal(everything.sum(dim=0) > 0, upsampled(region, height, width))
    some = resized_parts(region, parts[::2], height, width)
    assert not (some & ~everything[::2]).any()
    assert resized_parts(region, parts[:0], height, width).shape == (0, height, width)


def test_resized_parts_meet_halfway_between_patches():
    region = torch.ones(1, 4, dtype=torch.bool)
    parts = torch.tensor([[[True, True, True, False]], [[False, False, False, True]]])
    first, second = resized_parts(region, parts, 1, 40)
    assert first[0].nonzero()[:, 0].tolist() == [*range(30)]
    assert second[0].nonzero()[:, 0].tolist() == [*range(30, 40)]


def test_matcher_without_regions_returns_no_instances():
    none = proposed(torch.zeros(0, 4, 5, dtype=torch.bool), [])
    found = RegionMatcher(ClassMean(), 0.7, 0.5, 100)(
        torch.rand(4, 5, 3), none, remembered(torch.rand(2, 3)), 9, 7
    )
    assert len(found) == 0
    assert found.masks.shape == (0, 9, 7)


@pytest.mark.parametrize("key", ["neck", "class_overlap"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_options_out_of_range_are_rejected_in_one_line(key, value):
    numbers = {"neck": 0.7, "class_overlap": 0.5, "max_instances": 100, key: value}
    with pytest.raises(InputError, match=rf"^RegionMatcher: {key} must be in \[0, 1\], got {value}$"):
        RegionMatcher(ClassMean(), **numbers)
