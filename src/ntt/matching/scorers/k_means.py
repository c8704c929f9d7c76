"""Compare with several centres of each class."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.queries import Queries
from ntt.matching.scorers.base import by_class
from ntt.matching.similarity import cosine
from ntt.memory import MemoryBank, cluster


class KMeansCentres:
    """Cosine with the most similar of the k-means centres of the class's instances.

    Args:
        k: centres of a class, at least 1; a class with no more instances keeps each as a centre.

    Raises:
        InputError: ``k`` below 1.
    """

    def __init__(self, k: int) -> None:
        if k < 1:
            raise InputError(f"scorer.k={k} is not at least 1")
        self.k = k

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        centres, labels = memory.derived(("k-means", self.k), self._cluster)
        cosines = cosine(queries.vectors, centres.to(queries.features))
        return by_class(cosines, labels.to(cosines.device), len(memory.class_names)).amax(dim=2)

    def _cluster(self, memory: MemoryBank) -> tuple[Tensor, Tensor]:
        """Centres ``(M, C)`` of all classes and the class ``(M,)`` of each."""
        classes = range(len(memory.class_names))
        centres = [cluster(memory.vectors[memory.labels == label], self.k)[0] for label in classes]
        labels = [torch.full((len(found),), label) for label, found in zip(classes, centres, strict=True)]
        return torch.cat(centres), torch.cat(labels)
