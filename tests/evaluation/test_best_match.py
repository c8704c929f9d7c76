import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntt.evaluation import best_match_iou
from ntt.matching import boxes_from_masks
from ntt.structures import Instances


def halves(*rows):
    """Masks of 8 x 8 pixels, each the first so many rows."""
    masks = torch.zeros(len(rows), 8, 8, dtype=torch.bool)
    for mask, count in zip(masks, rows, strict=True):
        mask[:count] = True
    return masks


def found(masks, labels):
    return Instances(masks, boxes_from_masks(masks), torch.ones(len(masks)), torch.tensor(labels))


def test_only_instances_of_the_class_match():
    truth, labels = halves(4, 8), torch.tensor([0, 1])
    # Half of the first object is found; the second in the wrong class, and a quarter of it in its own.
    instances = found(halves(2, 8, 2), [0, 0, 1])
    assert best_match_iou(instances, truth, labels) == pytest.approx((0.5 + 0.25) / 2)


def test_nothing_found_is_zero_and_nothing_to_find_is_undefined():
    assert best_match_iou(Instances.empty(8, 8), halves(4), torch.tensor([0])) == 0
    assert best_match_iou(found(halves(4), [0]), halves(), torch.tensor([], dtype=torch.int64)) is None


@given(st.lists(st.integers(1, 8), min_size=1, max_size=5))
def test_the_truth_itself_matches_wholly_in_any_order(rows):
    masks, labels = halves(*rows), list(range(len(rows)))
    shuffled = found(masks.flip(0), labels[::-1])
    assert best_match_iou(shuffled, masks, torch.tensor(labels)) == pytest.approx(1)
