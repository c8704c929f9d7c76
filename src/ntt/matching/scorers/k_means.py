"""Scorer that compares with several centres per class."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.queries import Queries
from ntt.matching.scorers.base import by_class
from ntt.matching.similarity import cosine
from ntt.memory import MemoryBank, cluster


class KMeansCentres:
    """Cosine with the most similar k-means centre of the class's instances.

    Args:
        k: centres per class, at least 1; a class with at most k instances uses each as a centre.

    Raises:
        InputError: ``k`` below 1.
    """

    def __init__(self, k: int) -> None:
        if k < 1:
            raise InputError(f"scorer.k must be at least 1, got {k}")
        self.k = k

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        centres, labels = memory.derived(("k-means", self.k), self._cluster)
        cosines = cosine(queries.vectors, centres.to(queries.features))
        return by_class(cosines, labels.to(cosines.device), len(memory.class_names)).amax(dim=2)

    def _cluster(self, memory: MemoryBank) -> tuple[Tensor, Tensor]:
        """Compute centres ``(M, C)`` of all classes and their classes ``(M,)``."""
        classes = range(len(memory.class_names))
        centres = [cluster(memory.vectors[memory.labels == label], self.k)[0] for label in classes]
        labels = [torch.full((len(found),), label) for label, found in zip(classes, centres, strict=True)]
        return torch.cat(centres), torch.cat(labels)
