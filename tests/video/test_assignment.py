import pytest
import torch

from ntt.video.assignment import assign


def bars(*spans):
    """Masks on a line of 20 pixels."""
    masks = torch.zeros(len(spans), 1, 20, dtype=torch.bool)
    for mask, (start, end) in zip(masks, spans, strict=True):
        mask[0, start:end] = True
    return masks


def labels(*values):
    return torch.tensor(values, dtype=torch.int64)


def test_all_pairs_together_overlap_most_though_one_overlaps_less_than_it_could():
    known, new = bars((0, 10), (8, 18)), bars((4, 14), (1, 9))
    # The second would gladly take the first detection; the best sum gives it away no other way.
    assert sorted(assign(known, labels(0, 0), new, labels(0, 0), 0.1)) == [(0, 1), (1, 0)]
    assert sorted(assign(known.flip(0), labels(0, 0), new, labels(0, 0), 0.1)) == [(0, 0), (1, 1)]


def test_another_class_is_another_object():
    assert assign(bars((0, 10)), labels(0), bars((0, 10)), labels(1), 0.1) == []


@pytest.mark.parametrize(("least", "pairs"), [(0.5, [(0, 0)]), (0.51, []), (0, [(0, 0)])])
def test_what_overlaps_too_little_is_another_object(least, pairs):
    assert assign(bars((0, 10)), labels(0), bars((0, 5), (15, 20)), labels(0, 0), least) == pairs


def test_a_pair_below_the_limit_takes_nothing_from_a_good_one():
    # By the sum of all IoUs the two weak pairs would win: 0.45 + 0.45 against 0.8.
    known, new = bars((0, 10), (11, 20)), bars((0, 8), (4, 12))
    assert assign(known, labels(0, 0), new, labels(0, 0), 0.5) == [(0, 0)]


def test_nothing_is_assigned_to_nothing():
    assert assign(bars(), labels(), bars((0, 1)), labels(0), 0.1) == []
    assert assign(bars((0, 1)), labels(0), bars(), labels(), 0.1) == []
