"""Matching by the contrast of similarity inside and around a mask."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.matching import ContrastMatcher, boxes_from_masks
from ntt.matching.contrast import contrast
from ntt.matching.scorers import ClassMean
from ntt.memory import MemoryBank
from ntt.segmenters import Proposals

SIDE = 32


def remembered(*prototypes):
    bank = MemoryBank([f"class {label}" for label in range(len(prototypes))], "f")
    for label, prototype in enumerate(prototypes):
        bank.add(torch.tensor(prototype)[None, None], torch.ones(1, 1), label)
    bank.aggregate()
    return bank


def square(top, left, height, width):
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[top : top + height, left : left + width] = True
    return mask


def proposed(*masks, iou=None):
    masks = torch.stack(masks)
    return Proposals(torch.where(masks, 8.0, -8.0), torch.tensor(iou or [1.0] * len(masks)))


def matcher(**options):
    numbers = {
        "temperature": 0.1,
        "ring": 0.0625,
        "overlap": 0.6,
        "class_overlap": 0.7,
        "average_iou": 1,
        "max_instances": 100,
    }
    return ContrastMatcher(ClassMean(), **{**numbers, **options})


OBJECT = square(8, 8, 14, 14)
OTHER = square(4, 24, 6, 6)


def features():
    """Create features of class 0 inside the object, class 1 inside the other object, and background."""
    seen = torch.zeros(SIDE, SIDE, 3)
    seen[..., 2] = 1.0
    seen[OBJECT] = torch.tensor([1.0, 0.0, 0.1])
    seen[OTHER] = torch.tensor([0.0, 1.0, 0.1])
    return seen


CLASSES = remembered([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
PART, SPILL = square(8, 8, 9, 14), square(5, 5, 20, 20)


def naive_contrast(mask, similarity, reach):
    """Compute the mean inside minus the mean within ``reach`` rows and columns around the mask."""
    inside, around = [], []
    for row, column in np.ndindex(mask.shape):
        near = mask[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        if mask[row, column]:
            inside.append(similarity[row, column])
        elif near.any():
            around.append(similarity[row, column])
    return max(0.0, np.mean(inside) - (np.mean(around) if around else 0.0))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 4), st.sampled_from([0.0, 0.0625, 0.25, 1.0]))
def test_contrast_agrees_with_a_loop_over_pixels(seed, number, ring):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(number, 1, 4, 4, generator=generator)
    masks = torch.nn.functional.interpolate(noise, (16, 16), mode="bilinear")[:, 0] > 0.5
    masks[:, 5, 7] = True
    maps = torch.rand(2, 16, 16, generator=generator) * 2 - 1
    found = contrast(masks, maps, ring)
    assert found.shape == (number, 2)
    for row, mask in zip(found, masks, strict=True):
        expected = [naive_contrast(mask.numpy(), each.numpy(), max(1, round(ring * 16))) for each in maps]
        assert row.tolist() == pytest.approx(expected, abs=1e-5)


def test_contrast_upsamples_coarse_maps_over_the_same_image():
    maps = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0))
    finer = torch.nn.functional.interpolate(maps[None], (SIDE, SIDE), mode="bilinear")[0]
    masks = torch.stack([OBJECT, OTHER])
    torch.testing.assert_close(contrast(masks, maps, 0.1), contrast(masks, finer, 0.1))


def test_matcher_scores_part_and_spill_below_the_whole():
    masks = {"whole": OBJECT, "part": PART, "spill": SPILL}
    scores = {
        name: float(matcher()(features(), proposed(mask), CLASSES, SIDE, SIDE).scores[0])
        for name, mask in masks.items()
    }
    assert scores["whole"] > 0.85
    assert scores["part"] < 0.9 * scores["whole"]
    assert scores["spill"] < 0.9 * scores["whole"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_matcher_keeps_the_whole_and_drops_its_part_and_its_spill(order):
    masks = [OBJECT, PART, square(7, 7, 17, 17)]
    proposals = proposed(*(masks[index] for index in order), iou=[0.9, 0.9, 0.9])
    found = matcher()(features(), proposals, CLASSES, 2 * SIDE, 3 * SIDE)
    assert found.labels.tolist() == [0]
    assert found.boxes.tolist() == [[24, 16, 66, 44]]
    assert torch.equal(found.boxes, boxes_from_masks(found.masks))


def test_matcher_score_is_probability_times_cosine_times_root_of_contrast_times_predicted_iou():
    proposals = proposed(OTHER, OBJECT, iou=[0.5, 0.8])
    found = matcher(temperature=0.3)(features(), proposals, CLASSES, SIDE, SIDE)
    assert found.labels.tolist() == [0, 1]
    cosine = 1 / math.hypot(1, 0.1)  # inside; with the other class, and around, it is 0
    probability = math.exp(cosine / 0.3) / (math.exp(cosine / 0.3) + 1)
    expected = [probability * cosine * cosine**0.5 * iou for iou in (0.8, 0.5)]
    assert found.scores.tolist() == pytest.approx(expected, abs=1e-4)


def test_matcher_score_depends_on_the_similarity_in_the_ring():
    """The similarity around the object is half of that inside, so the contrast is a half."""
    seen = torch.zeros(SIDE, SIDE, 2)
    seen[...] = torch.tensor([0.5, 0.75**0.5])
    seen[OBJECT] = torch.tensor([1.0, 0.0])
    found = matcher()(seen, proposed(OBJECT), remembered([1.0, 0.0]), SIDE, SIDE)
    assert found.scores.tolist() == pytest.approx([0.5**0.5], abs=1e-4)


@pytest.mark.parametrize(("iou", "score"), [(1.7, 1.0), (-0.2, None)])
def test_matcher_clamps_the_predicted_iou(iou, score):
    found = matcher()(features(), proposed(OBJECT, iou=[iou]), remembered([1.0, 0.0, 0.1]), SIDE, SIDE)
    assert len(found) == (score is not None)
    if score is not None:
        assert float(found.scores[0]) <= 1


def test_matcher_with_one_class_finds_its_object():
    found = matcher()(features(), proposed(OBJECT, OTHER, PART), remembered([1.0, 0.0, 0.0]), SIDE, SIDE)
    assert found.labels.tolist() == [0], "the other object has no contrast with this class"
    assert torch.equal(found.masks[0], OBJECT)


@pytest.mark.parametrize(("overlap", "number"), [(0.6, 1), (0.7, 2), (1.0, 2)])
def test_matcher_drops_the_worse_mask_of_a_class_by_the_share_of_the_smaller(overlap, number):
    """The second mask is as large as the object and shares 9 of 14 columns with it: 0.64."""
    shifted = square(8, 13, 14, 14)
    found = matcher(overlap=overlap)(features(), proposed(shifted, OBJECT), CLASSES, SIDE, SIDE)
    assert found.labels.tolist() == [0] * number
    assert torch.equal(found.masks[0], OBJECT)


@pytest.mark.parametrize("overlap", [0.99, 1.0])
def test_matcher_drops_a_mask_inside_a_better_one_unless_all_are_kept(overlap):
    small = square(8, 8, 3, 14)  # its IoU with the object is only 0.2
    found = matcher(overlap=overlap)(features(), proposed(small, OBJECT), CLASSES, SIDE, SIDE)
    assert len(found) == (1 if overlap < 1 else 2)
    assert torch.equal(found.masks[0], OBJECT)


@pytest.mark.parametrize(("class_overlap", "labels"), [(0.8, [0]), (0.9, [0, 1]), (1.0, [0, 1])])
def test_matcher_drops_the_worse_mask_of_two_classes_by_the_share_of_the_smaller(class_overlap, labels):
    """Two masks share 12 of 14 columns; one is better for class 0, the other for class 1."""
    seen = torch.zeros(SIDE, SIDE, 3)
    seen[..., 2] = 1.0
    seen[8:22, 8:22] = torch.tensor([1.0, 0.6, 0.0])
    seen[8:22, 20:24] = torch.tensor([0.0, 1.0, 0.0])
    one, other = square(8, 8, 14, 14), square(8, 10, 14, 14)
    seen[8:22, 22:24] = torch.tensor([0.0, 9.0, 0.0])
    options = {"class_overlap": class_overlap, "overlap": 0.1, "temperature": 1.0}
    alone = [
        matcher(**options)(seen, proposed(mask), CLASSES, SIDE, SIDE).labels.tolist() for mask in (one, other)
    ]
    assert alone == [[0], [1]]
    found = matcher(**options)(seen, proposed(one, other, iou=[1.0, 0.5]), CLASSES, SIDE, SIDE)
    assert found.labels.tolist() == labels


MOST, REST = square(8, 8, 11, 14), square(19, 8, 3, 14)  # the object in two parts; IoU of the first is 0.79


@pytest.mark.parametrize(("average_iou", "expected"), [(0.7, OBJECT), (0.8, MOST), (1, MOST)])
def test_matcher_averages_the_best_mask_with_those_that_nearly_agree(average_iou, expected):
    proposals = proposed(MOST, OBJECT, OBJECT, iou=[1.0, 0.7, 0.7])
    found = matcher(average_iou=average_iou)(features(), proposals, CLASSES, SIDE, SIDE)
    assert torch.equal(found.masks, expected[None])
    alone = matcher()(features(), proposed(MOST), CLASSES, SIDE, SIDE)
    assert torch.equal(found.scores, alone.scores), "the best mask keeps its score"


def test_matcher_does_not_average_with_a_single_weaker_mask():
    found = matcher(average_iou=0.7)(features(), proposed(MOST, OBJECT, iou=[1.0, 0.5]), CLASSES, SIDE, SIDE)
    assert torch.equal(found.masks, MOST[None])


def test_matcher_drops_a_mask_that_an_averaged_mask_covers():
    proposals = proposed(MOST, OBJECT, OBJECT, REST, iou=[1.0, 0.7, 0.7, 1.0])
    assert len(matcher(average_iou=1)(features(), proposals, CLASSES, SIDE, SIDE)) == 2
    found = matcher(average_iou=0.7)(features(), proposals, CLASSES, SIDE, SIDE)
    assert torch.equal(found.masks, OBJECT[None])


def naive_suppressed(masks, scores, labels, overlap, class_overlap):
    kept = []
    for index in sorted(range(len(masks)), key=lambda index: -scores[index]):
        for other in kept:
            both = (masks[index] & masks[other]).sum()
            smaller = min(masks[index].sum(), masks[other].sum())
            if both / smaller > (overlap if labels[index] == labels[other] else class_overlap):
                break
        else:
            if scores[index] > 0:
                kept.append(index)
    return kept


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 15))
def test_suppression_agrees_with_comparing_all_pairs(seed, number):
    generator = np.random.default_rng(seed)
    masks = []
    for _ in range(number):
        top, left = generator.integers(0, 8, 2)
        masks.append(square(top, left, *generator.integers(4, 20, 2)))
    scores = torch.from_numpy(generator.random(number)).float() - 0.1
    labels = torch.from_numpy(generator.integers(0, 2, number))
    stacked = torch.stack(masks) if masks else torch.zeros(0, SIDE, SIDE, dtype=torch.bool)
    tested = matcher(overlap=0.31, class_overlap=0.57)
    expected = naive_suppressed(stacked.numpy(), scores.tolist(), labels.tolist(), 0.31, 0.57)
    assert tested._suppressed(stacked, scores, labels).tolist() == expected


def test_matcher_drops_empty_masks_and_masks_of_the_whole_image():
    whole = torch.ones(SIDE, SIDE, dtype=torch.bool)
    seen = torch.tensor([1.0, 0.0, 0.0]).expand(SIDE, SIDE, 3)
    found = matcher()(seen, proposed(whole, ~whole), CLASSES, SIDE, SIDE)
    assert len(found) == 0
    assert found.masks.shape == (0, SIDE, SIDE)
    both = matcher()(features(), proposed(whole, OBJECT, ~whole), CLASSES, SIDE, SIDE)
    assert both.labels.tolist() == [0]


def test_matcher_returns_at_most_max_instances():
    found = matcher(max_instances=1)(features(), proposed(OTHER, OBJECT, iou=[0.5, 0.9]), CLASSES, 9, 9)
    assert found.labels.tolist() == [0]


def test_matcher_without_classes_or_proposals_finds_nothing():
    nothing = Proposals(torch.zeros(0, SIDE, SIDE), torch.zeros(0))
    assert len(matcher()(features(), nothing, CLASSES, 7, 9)) == 0
    bank = MemoryBank((), "f")
    bank.aggregate()
    assert len(matcher()(features(), proposed(OBJECT), bank, 7, 9)) == 0


@pytest.mark.parametrize("temperature", [0, -1.0, math.nan])
def test_a_temperature_not_above_0_is_rejected_in_one_line(temperature):
    with pytest.raises(
        InputError, match=rf"^ContrastMatcher: temperature must be (above 0|a number), got {temperature}$"
    ):
        matcher(temperature=temperature)


@pytest.mark.parametrize("key", ["ring", "overlap", "class_overlap", "average_iou"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_shares_out_of_range_are_rejected_in_one_line(key, value):
    with pytest.raises(InputError, match=rf"^ContrastMatcher: {key} must be in \[0, 1\], got {value}$"):
        matcher(**{key: value})
