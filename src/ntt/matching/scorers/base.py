"""The contract of every scorer, and what those share that compare with single instances."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from ntt.matching.queries import Queries
from ntt.memory import MemoryBank


class Scorer(Protocol):
    """Compares masks with the classes that are remembered."""

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """How much each mask resembles each class.

        Args:
            queries: N masks.
            memory: of K classes, aggregated.

        Returns:
            ``(N, K)`` in [-1, 1], 1 for what could not be more alike.
        """


def by_class(similarities: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Sort similarities to instances by the class of the instance.

    Args:
        similarities: ``(N, M)`` to M instances.
        labels: ``(M,)`` int64, the class of each.
        classes: number K of classes.

    Returns:
        ``(N, K, S)`` with S the size of the largest class; smaller classes are filled with minus infinity.
    """
    counts = torch.bincount(labels, minlength=classes)
    order = labels.argsort(stable=True)
    place = torch.arange(len(labels), device=labels.device) - (counts.cumsum(0) - counts)[labels[order]]
    most = int(counts.max()) if len(labels) else 0
    sorted_out = similarities.new_full((len(similarities), classes, most), -math.inf)
    sorted_out[:, labels[order], place] = similarities[:, order]
    return sorted_out
