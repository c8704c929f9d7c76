import pytest
import torch

from ntt.video.tracks import assign


def bars(*spans):
    """Create masks on a line of 20 pixels."""
    masks = torch.zeros(len(spans), 1, 20, dtype=torch.bool)
    for mask, (start, end) in zip(masks, spans, strict=True):
        mask[0, start:end] = True
    return masks


def labels(*values):
    return torch.tensor(values, dtype=torch.int64)


def test_assign_maximises_the_total_iou():
    known, new = bars((0, 10), (8, 18)), bars((4, 14), (1, 9))
    # A greedy assignment of the best single pair would have a lower total IoU.
    assert sorted(assign(known, labels(0, 0), new, labels(0, 0), 0.1)) == [(0, 1), (1, 0)]
    assert sorted(assign(known.flip(0), labels(0, 0), new, labels(0, 0), 0.1)) == [(0, 0), (1, 1)]


def test_assign_does_not_pair_different_classes():
    assert assign(bars((0, 10)), labels(0), bars((0, 10)), labels(1), 0.1) == []


@pytest.mark.parametrize(("least", "pairs"), [(0.5, [(0, 0)]), (0.51, []), (0, [(0, 0)])])
def test_assign_requires_the_minimum_iou(least, pairs):
    assert assign(bars((0, 10)), labels(0), bars((0, 5), (15, 20)), labels(0, 0), least) == pairs


def test_assign_ignores_pairs_below_the_minimum_iou():
    # The total IoU of the two weak pairs would be higher: 0.45 + 0.45 against 0.8.
    known, new = bars((0, 10), (11, 20)), bars((0, 8), (4, 12))
    assert assign(known, labels(0, 0), new, labels(0, 0), 0.5) == [(0, 0)]


def test_assign_without_objects_or_detections_is_empty():
    assert assign(bars(), labels(), bars((0, 1)), labels(0), 0.1) == []
    assert assign(bars((0, 1)), labels(0), bars(), labels(), 0.1) == []
