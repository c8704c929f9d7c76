"""Confidence scores: the paper's cosine, and the softmax over the classes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.matching import CosineConfidence, SoftmaxConfidence

# The first is clearly class 0, the second ambiguous between 1 and 2, the third similar to no class.
SIMILARITIES = torch.tensor([[0.9, 0.1, 0.0], [0.1, 0.8, 0.79], [-0.4, -0.2, -0.3]])
IOU = torch.tensor([0.5, 0.9, 1.3])


def test_cosine_score_is_clamped_and_nms_priority_is_the_predicted_iou():
    scores, labels, priority = CosineConfidence()(SIMILARITIES, IOU)
    torch.testing.assert_close(scores, torch.tensor([0.9, 0.8, 0.0]))
    assert labels.tolist() == [0, 1, 1]
    assert torch.equal(priority, IOU)


def test_softmax_score_is_probability_times_predicted_iou():
    scores, labels, priority = SoftmaxConfidence(temperature=0.1)(SIMILARITIES, IOU)
    sure = math.exp(9) / (math.exp(9) + math.exp(1) + 1)
    torn = math.exp(8) / (math.exp(1) + math.exp(8) + math.exp(7.9))
    nothing = math.exp(-2) / (math.exp(-4) + math.exp(-2) + math.exp(-3))
    torch.testing.assert_close(scores, torch.tensor([sure * 0.5, torn * 0.9, nothing]))  # 1.3 counts as 1
    assert labels.tolist() == [0, 1, 1]
    assert torch.equal(priority, scores)


@given(st.integers(0, 2**31), st.integers(0, 9), st.integers(1, 6), st.floats(0.01, 10))
def test_both_confidences_agree_on_the_class_and_score_in_0_to_1(seed, number, classes, temperature):
    random = torch.Generator().manual_seed(seed)
    similarities = torch.rand(number, classes, generator=random, dtype=torch.float64) * 2 - 1
    iou = torch.rand(number, generator=random, dtype=torch.float64) * 1.5 - 0.2
    cosine = CosineConfidence()(similarities, iou)
    softmax = SoftmaxConfidence(temperature)(similarities, iou)
    assert torch.equal(cosine.labels, softmax.labels)
    for scores in (cosine.scores, softmax.scores):
        assert bool(((scores >= 0) & (scores <= 1)).all())


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_not_above_0_is_rejected(temperature):
    with pytest.raises(InputError, match=r"^SoftmaxConfidence: temperature must be (above 0|a number), got "):
        SoftmaxConfidence(temperature)
