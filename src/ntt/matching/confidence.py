"""Confidence: compute label, score and NMS priority from class similarities."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from ntt.matching.ops import classify
from ntt.options import Positive, checked


class Classification(NamedTuple):
    """Scores, labels and NMS priorities of N proposals.

    Attributes:
        scores: ``(N,)`` in [0, 1].
        labels: ``(N,)`` int64.
        priority: ``(N,)``; the NMS keeps the overlapping proposal with the higher priority.
    """

    scores: Tensor
    labels: Tensor
    priority: Tensor


class Confidence(Protocol):
    """Score proposals by their similarities to the classes."""

    def __call__(self, similarities: Tensor, iou: Tensor) -> Classification:
        """Score N proposals.

        Args:
            similarities: ``(N, K)`` cosine with each class prototype, K at least 1.
            iou: ``(N,)`` mask IoU predicted by the segmenter.
        """


class CosineConfidence:
    """Score by the cosine with the nearest prototype, clamped at 0; the NMS priority is the predicted IoU.

    As in *No time to train!* (arXiv 2507.02798).
    """

    def __call__(self, similarities: Tensor, iou: Tensor) -> Classification:
        """See :class:`Confidence`."""
        scores, labels = classify(similarities)
        return Classification(scores, labels, priority=iou)


class SoftmaxConfidence:
    """Score by class probability times predicted IoU; the NMS priority is the score.

    The probability is a softmax of ``cosine / temperature`` over the classes, as in Prototypical Networks
    (Snell et al., arXiv 1703.05175, equation 2) with cosines instead of distances. It lowers the score of
    proposals that are equally similar to two classes, which the cosine alone does not. The product with the
    predicted IoU follows Mask Scoring R-CNN (Huang et al., arXiv 1903.00241).

    Args:
        temperature: above 0; at a lower temperature, a second class must be more similar to lower the score.

    Raises:
        InputError: ``temperature`` is not above 0.
    """

    @checked
    def __init__(self, temperature: Positive) -> None:
        self.temperature = temperature

    def __call__(self, similarities: Tensor, iou: Tensor) -> Classification:
        """See :class:`Confidence`."""
        probabilities, labels = (similarities / self.temperature).softmax(dim=1).max(dim=1)
        scores = probabilities * iou.clamp(0, 1)
        return Classification(scores, labels, priority=scores)
