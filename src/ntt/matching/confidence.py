"""How sure the model is of a class: from similarities to a label, a score, and a rank in the NMS."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from ntt.errors import InputError
from ntt.matching.similarity import classify


class Judgement(NamedTuple):
    """What is held of N proposals.

    Attributes:
        scores: ``(N,)`` in [0, 1].
        labels: ``(N,)`` int64.
        priority: ``(N,)``; of two proposals that overlap, the NMS keeps the one where it is higher.
    """

    scores: Tensor
    labels: Tensor
    priority: Tensor


class Confidence(Protocol):
    """Judges proposals by their similarities to the classes."""

    def __call__(self, similarities: Tensor, iou: Tensor) -> Judgement:
        """Judge N proposals.

        Args:
            similarities: ``(N, K)`` cosine with each class prototype, K at least 1.
            iou: ``(N,)`` mask IoU as the segmenter predicts it.
        """


class CosineConfidence:
    """The score is the cosine with the nearest prototype, clamped at 0; the NMS goes by predicted IoU.

    As in *No time to train!* (arXiv 2507.02798).
    """

    def __call__(self, similarities: Tensor, iou: Tensor) -> Judgement:
        """See :class:`Confidence`."""
        scores, labels = classify(similarities)
        return Judgement(scores, labels, priority=iou)


class SoftmaxConfidence:
    """The score is the probability of the class times the predicted IoU; the NMS goes by that score.

    The probability is a softmax over the classes of ``cosine / temperature``, as in Prototypical Networks
    (Snell et al., arXiv 1703.05175, equation 2) with cosines for distances. A proposal as near to a second
    class as to its first is so doubted, which the cosine alone does not see. The product with the predicted
    IoU is that of Mask Scoring R-CNN (Huang et al., arXiv 1903.00241).

    Args:
        temperature: above 0; the lower, the less similar a second class must be to cast doubt.

    Raises:
        InputError: a temperature that is not above 0.
    """

    def __init__(self, temperature: float) -> None:
        if not temperature > 0:
            raise InputError(f"confidence.temperature={temperature} is not above 0: 0.1 is a usual one")
        self.temperature = temperature

    def __call__(self, similarities: Tensor, iou: Tensor) -> Judgement:
        """See :class:`Confidence`."""
        probabilities, labels = (similarities / self.temperature).softmax(dim=1).max(dim=1)
        scores = probabilities * iou.clamp(0, 1)
        return Judgement(scores, labels, priority=scores)
