"""Clean-up, no refinement, and refinement by the segmenter."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.matching import boxes_from_masks
from ntt.refinement import NoRefinement, PromptedRefinement
from ntt.refinement.base import CleanUp, with_masks
from ntt.segmenters import ImageEmbedding, NoSegmenter, Proposals, Segmenter
from ntt.structures import Instances

IMAGE = torch.zeros(3, 48, 64)
EMBEDDING = ImageEmbedding(torch.zeros(1, 1, 4, 4), ())


def instances(*masks):
    masks = torch.stack(masks)
    scores = torch.linspace(0.9, 0.5, len(masks))
    return Instances(masks, boxes_from_masks(masks), scores, torch.arange(len(masks)))


def rectangle(top, left, bottom, right):
    mask = torch.zeros(48, 64, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def flooded(mask, steps):
    """Compute connected parts of True pixels by flood fill in the given directions."""
    left = {tuple(place) for place in np.argwhere(mask).tolist()}
    parts = []
    while left:
        part, waiting = set(), [left.pop()]
        while waiting:
            row, column = waiting.pop()
            part.add((row, column))
            near = {(row + i, column + j) for i, j in steps} & left
            left -= near
            waiting += near
        parts.append(part)
    return parts


FOUR = [(0, 1), (1, 0), (0, -1), (-1, 0)]
EIGHT = [*FOUR, (1, 1), (1, -1), (-1, 1), (-1, -1)]


def naive_clean(mask, min_part, max_hole):
    """Fill holes first, then remove parts."""
    height, width = mask.shape
    cleaned = mask.copy()
    for hole in flooded(~mask, FOUR):
        border = any(row in (0, height - 1) or column in (0, width - 1) for row, column in hole)
        if max_hole and not border and len(hole) <= max_hole * mask.sum():
            cleaned[tuple(zip(*hole, strict=True))] = True
    parts = flooded(cleaned, EIGHT)
    for part in parts:
        if min_part and len(part) < min_part * max(map(len, parts)):
            cleaned[tuple(zip(*part, strict=True))] = False
    return cleaned


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    density=st.sampled_from([0.0, 0.3, 0.6, 0.9, 1.0]),
    min_part=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    max_hole=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
)
def test_clean_up_agrees_with_a_flood_fill(seed, size, density, min_part, max_hole):
    mask = np.random.default_rng(seed).random(size) < density
    cleaned = CleanUp(min_part, max_hole)(mask.copy())
    assert cleaned.dtype == bool
    assert np.array_equal(cleaned, naive_clean(mask, min_part, max_hole))


def speckled():
    """Create a body of 20 x 30 pixels with holes of 9 and 100 pixels, and parts of 4 and 150 pixels."""
    mask = rectangle(10, 10, 30, 40)
    mask[12:15, 12:15] = False
    mask[16:26, 20:30] = False
    mask[2:4, 2:4] = True
    mask[32:42, 45:60] = True
    return mask


def test_clean_up_removes_small_parts_and_fills_small_holes():
    cleaned = torch.from_numpy(CleanUp(0.1, 0.05)(speckled().numpy()))
    expected = speckled()
    expected[12:15, 12:15] = True
    expected[2:4, 2:4] = False
    assert torch.equal(cleaned, expected)
    everything = torch.from_numpy(CleanUp(1.0, 1.0)(speckled().numpy()))
    assert torch.equal(everything, rectangle(10, 10, 30, 40))


def test_clean_up_does_not_fill_a_notch_at_the_image_border():
    mask = rectangle(0, 10, 20, 40)
    mask[0:2, 20:22] = False
    assert np.array_equal(CleanUp(0, 1.0)(mask.numpy()), mask.numpy())


def test_clean_up_with_zero_shares_changes_nothing():
    mask = speckled().numpy()
    assert np.array_equal(CleanUp(0, 0)(mask.copy()), mask)
    found = instances(speckled())
    for refiner in (NoRefinement(), NoRefinement(CleanUp(0, 0))):
        assert refiner(IMAGE, found, NoSegmenter(), None) is found


@pytest.mark.parametrize("key", ["min_part", "max_hole"])
@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan])
def test_clean_up_rejects_shares_out_of_range_in_one_line(key, value):
    with pytest.raises(InputError, match=rf"^CleanUp: {key} must be (in \[0, 1\]|a number), got {value}$"):
        CleanUp(**{key: value})


def test_no_refinement_cleans_up_masks_and_boxes():
    found = instances(speckled(), rectangle(5, 5, 9, 9))
    refined = NoRefinement(CleanUp(0.5, 0))(IMAGE, found, NoSegmenter(), None)
    assert not NoRefinement.needs_segmenter
    assert refined.boxes.tolist() == [[10, 10, 40, 30], [5, 5, 9, 9]]
    assert torch.equal(refined.masks[1], found.masks[1])
    assert torch.equal(refined.scores, found.scores)
    assert torch.equal(refined.labels, found.labels)
    assert torch.equal(found.masks[0], speckled()), "the input is not modified"


@pytest.mark.parametrize(
    "refiner", [NoRefinement(CleanUp(0.1, 0.1)), PromptedRefinement(0.5)], ids=["none", "prompted"]
)
def test_refiners_without_instances_return_no_instances(refiner):
    refined = refiner(IMAGE, Instances.empty(48, 64), Remade(), EMBEDDING)
    assert len(refined) == 0
    assert refined.masks.shape == (0, 48, 64)


def test_with_masks_keeps_the_old_mask_if_the_new_one_is_empty():
    found = instances(rectangle(2, 3, 9, 11), rectangle(20, 20, 30, 30))
    masks = torch.stack([torch.zeros(48, 64).bool(), rectangle(21, 22, 29, 28)])
    changed = with_masks(found, masks)
    assert changed.boxes.tolist() == [[3, 2, 11, 9], [22, 21, 28, 29]]
    assert torch.equal(changed.masks[0], found.masks[0])


class Remade(Segmenter):
    """Return prompted masks, each shifted by a number of grid cells."""

    name, image_size, mask_size, fingerprint = "remade", 256, 64, "r"

    def __init__(self, *moves):
        super().__init__()
        self.moves = moves
        self.asked = []

    def encode(self, image):
        return EMBEDDING

    def decode(self, embedding, prompts, min_iou=-1.0):
        assert embedding is EMBEDDING
        self.asked.append(prompts)
        moved = [mask[0].roll(move, 1) for mask, move in zip(prompts.masks, self.moves, strict=True)]
        return Proposals(torch.stack(moved), torch.ones(len(moved)))


def test_prompted_refinement_accepts_new_masks_with_sufficient_overlap():
    """Squares of 24 x 24 pixels are shifted by 3 or 12, which gives IoUs of 0.78 and 0.33."""
    found = instances(rectangle(12, 16, 36, 40), rectangle(12, 16, 36, 40))
    for min_overlap, left in ((0.5, [19, 16]), (0.3, [19, 28]), (0.9, [16, 16]), (0.0, [19, 28])):
        refined = PromptedRefinement(min_overlap)(IMAGE, found, Remade(3, 12), EMBEDDING)
        assert refined.boxes.tolist() == [[x, 12, x + 24, 36] for x in left]
        assert torch.equal(refined.scores, found.scores)
        assert torch.equal(refined.labels, found.labels)


def test_prompted_refinement_prompts_with_mask_box_and_deepest_point():
    segmenter = Remade(0)
    found = instances(rectangle(12, 16, 30, 40))  # a square on the segmenter's grid
    refined = PromptedRefinement(0.5)(IMAGE, found, segmenter, EMBEDDING)
    assert torch.equal(refined.masks, found.masks)
    (prompts,) = segmenter.asked
    assert prompts.labels.tolist() == [[1, 2, 3]]
    x, y = 256 / 64, 256 / 48
    assert prompts.points[0, 1:].flatten().tolist() == pytest.approx([16 * x, 12 * y, 40 * x, 30 * y])
    assert prompts.points[0, 0].tolist() == pytest.approx([28 * x, 21 * y], abs=4)
    assert prompts.masks.shape == (1, 1, 64, 64)


def test_prompted_refinement_applies_the_clean_up():
    found = instances(speckled())
    refined = PromptedRefinement(0.0, CleanUp(0.5, 0))(IMAGE, found, Remade(0), EMBEDDING)
    assert refined.boxes.tolist() == [[10, 10, 40, 30]]


def test_prompted_refinement_keeps_the_old_mask_if_the_new_one_is_empty():
    class Mute(Remade):
        def decode(self, embedding, prompts, min_iou=-1.0):
            return Proposals(torch.full((len(prompts), 64, 64), -9.0), torch.ones(len(prompts)))

    found = instances(rectangle(12, 16, 36, 40))
    for min_overlap in (0.0, 0.5):
        refined = PromptedRefinement(min_overlap)(IMAGE, found, Mute(), EMBEDDING)
        assert torch.equal(refined.masks, found.masks)


@pytest.mark.parametrize("segmenter", [NoSegmenter(), Remade(0)], ids=lambda segmenter: segmenter.name)
def test_prompted_refinement_needs_a_segmenter_trained_on_masks(segmenter):
    segmenter.mask_prompts = False
    with pytest.raises(InputError, match="was not trained on mask prompts; choose sam2_lite") as caught:
        PromptedRefinement(0.5)(IMAGE, instances(rectangle(1, 1, 9, 9)), segmenter, EMBEDDING)
    assert str(caught.value).startswith(f"segmenter={segmenter.name} ")
    assert "\n" not in str(caught.value)
    assert PromptedRefinement.needs_segmenter


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_prompted_refinement_rejects_an_invalid_overlap_in_one_line(value):
    with pytest.raises(
        InputError, match=rf"^PromptedRefinement: min_overlap must be (in \[0, 1\]|a number), got {value}$"
    ):
        PromptedRefinement(value)
