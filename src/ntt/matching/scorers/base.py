"""Scorer interface and a helper for scorers that compare with single instances."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from ntt.matching.queries import Queries
from ntt.memory import MemoryBank


class Scorer(Protocol):
    """Compute the similarity of masks to the classes of the memory."""

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """Compute the similarity of each mask to each class.

        Args:
            queries: N masks.
            memory: aggregated memory of K classes.

        Returns:
            ``(N, K)`` in [-1, 1]; 1 is the highest similarity.
        """


def by_class(similarities: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Group similarities to instances by class.

    Args:
        similarities: ``(N, M)`` similarities to M instances.
        labels: ``(M,)`` int64, class of each instance.
        classes: number of classes K.

    Returns:
        ``(N, K, S)``, S the size of the largest class; smaller classes are padded with minus infinity.
    """
    counts = torch.bincount(labels, minlength=classes)
    order = labels.argsort(stable=True)
    place = torch.arange(len(labels), device=labels.device) - (counts.cumsum(0) - counts)[labels[order]]
    most = int(counts.max()) if len(labels) else 0
    sorted_out = similarities.new_full((len(similarities), classes, most), -math.inf)
    sorted_out[:, labels[order], place] = similarities[:, order]
    return sorted_out
