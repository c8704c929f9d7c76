import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.evaluation import IGNORED, semantic_metrics, true_semantic_map

NAMES = ("boat", "bird")


def test_iou_of_a_confusion_counted_by_hand():
    confusion = torch.tensor([[50, 4, 6], [10, 20, 0], [5, 3, 2]])  # rows are the truth
    metrics = semantic_metrics(confusion, NAMES)
    boat, bird = 20 / (30 + 27 - 20), 2 / (10 + 8 - 2)
    assert metrics["per_class"] == {"boat": pytest.approx(boat), "bird": pytest.approx(bird)}
    assert metrics["mIoU"] == pytest.approx((boat + bird) / 2), "background is not in the mean"
    # A bird taken for a boat is foreground all the same.
    foreground, background = 25 / (25 + 15 + 10), 50 / (50 + 15 + 10)
    assert metrics["FB-IoU"] == pytest.approx((foreground + background) / 2)


def test_a_class_without_true_pixels_is_left_out_of_the_mean():
    metrics = semantic_metrics(torch.tensor([[50, 0, 8], [0, 20, 5], [0, 0, 0]]), NAMES)
    assert metrics["per_class"] == {"boat": 20 / 25, "bird": None}
    assert metrics["mIoU"] == 20 / 25
    assert metrics["FB-IoU"] == pytest.approx((25 / 33 + 50 / 58) / 2)


def test_without_objects_there_is_background_alone():
    metrics = semantic_metrics(torch.tensor([[30, 10, 0], [0, 0, 0], [0, 0, 0]]), NAMES)
    assert metrics == {"mIoU": None, "FB-IoU": 0.75, "per_class": {"boat": None, "bird": None}}
    nothing = semantic_metrics(torch.zeros(3, 3, dtype=torch.int64), NAMES)
    assert nothing["mIoU"] is nothing["FB-IoU"] is None


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5))
def test_agrees_with_counting_pixels(seed, classes):
    generator = torch.Generator().manual_seed(seed)
    true, predicted = torch.randint(0, classes + 1, (2, 30), generator=generator)
    confusion = torch.zeros(classes + 1, classes + 1, dtype=torch.int64)
    for row, column in zip(true, predicted, strict=True):
        confusion[row, column] += 1
    names = [str(k) for k in range(1, classes + 1)]
    metrics = semantic_metrics(confusion, names)

    def iou(a, b):
        return float((a & b).sum() / (a | b).sum()) if a.any() else None

    expected = {name: iou(true == int(name), predicted == int(name)) for name in names}
    assert metrics["per_class"] == pytest.approx(expected)
    sides = [iou(true == 0, predicted == 0), iou(true > 0, predicted > 0)]
    sides = [side for side in sides if side is not None]
    assert metrics["FB-IoU"] == pytest.approx(sum(sides) / len(sides))


def test_of_true_objects_that_overlap_the_smaller_is_on_top():
    masks = torch.zeros(3, 4, 6, dtype=torch.bool)
    masks[0, :, :3] = True  # 12 pixels
    masks[1, 1, 1:4] = True  # 3 pixels, one of them outside of the first
    masks[2, 1:3, 3:] = True  # 6 pixels
    crowd = torch.zeros(4, 6, dtype=torch.bool)
    crowd[3, 2:4] = True
    found = true_semantic_map(masks, torch.tensor([0, 1, 0]), crowd)
    expected = [[1, 1, 1, 0, 0, 0], [1, 2, 2, 2, 1, 1], [1, 1, 1, 1, 1, 1], [1, 1, IGNORED, IGNORED, 0, 0]]
    assert found.tolist() == expected


def test_an_image_without_objects_is_background():
    nothing = torch.zeros(0, 2, 3, dtype=torch.bool)
    found = true_semantic_map(nothing, torch.zeros(0, dtype=torch.int64), torch.zeros(2, 3) > 0)
    assert found.tolist() == [[0, 0, 0], [0, 0, 0]]
