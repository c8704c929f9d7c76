"""Scorers that compare with single reference instances."""

from __future__ import annotations

from torch import Tensor

from ntt.errors import InputError
from ntt.matching.queries import Queries
from ntt.matching.scorers.base import by_class
from ntt.matching.similarity import cosine
from ntt.memory import MemoryBank


class NearestInstance:
    """Cosine with the most similar instance of the class."""

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        return instance_cosines(queries, memory).amax(dim=2)


class SoftNearestInstances:
    """Weighted mean cosine of the k most similar instances of the class.

    The weights are a softmax of the k cosines, like the attention over the support set in Matching Networks
    (Vinyals et al., arXiv 1606.04080, equation 1). A class with fewer than k instances uses all of them.

    Args:
        k: number of instances, at least 1.
        temperature: above 0; lower values give more weight to the nearest instance.

    Raises:
        InputError: an option is out of range.
    """

    def __init__(self, k: int, temperature: float) -> None:
        if k < 1:
            raise InputError(f"scorer.k must be at least 1, got {k}")
        if not temperature > 0:
            raise InputError(f"scorer.temperature must be above 0, got {temperature}; try 0.1")
        self.k = k
        self.temperature = temperature

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        cosines = instance_cosines(queries, memory)
        nearest = cosines.topk(min(self.k, cosines.shape[2]), dim=2).values
        weights = (nearest / self.temperature).softmax(dim=2)
        return (weights * nearest.clamp(min=-1)).sum(dim=2)  # the padding of minus infinity has weight 0


def instance_cosines(queries: Queries, memory: MemoryBank) -> Tensor:
    """Compute cosines with all instances, grouped by :func:`ntt.matching.scorers.base.by_class`."""
    vectors = memory.vectors.to(queries.features)
    labels = memory.labels.to(vectors.device)
    return by_class(cosine(queries.vectors, vectors), labels, len(memory.class_names))
