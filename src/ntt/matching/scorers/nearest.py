"""Compare with single reference instances."""

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
    """Mean cosine of the k most similar instances of the class, the nearer ones weighing more.

    The weights are a softmax of the cosines over the k, as attention over the support set in Matching
    Networks (Vinyals et al., arXiv 1606.04080, equation 1). A class with fewer instances takes all it has.

    Args:
        k: how many instances count, at least 1.
        temperature: above 0; the lower, the more the nearest one decides.

    Raises:
        InputError: a number outside its range.
    """

    def __init__(self, k: int, temperature: float) -> None:
        if k < 1:
            raise InputError(f"scorer.k={k} is not at least 1")
        if not temperature > 0:
            raise InputError(f"scorer.temperature={temperature} is not above 0: 0.1 is a usual one")
        self.k = k
        self.temperature = temperature

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        cosines = instance_cosines(queries, memory)
        nearest = cosines.topk(min(self.k, cosines.shape[2]), dim=2).values
        weights = (nearest / self.temperature).softmax(dim=2)
        return (weights * nearest.clamp(min=-1)).sum(dim=2)  # the filling, minus infinity, weighs nothing


def instance_cosines(queries: Queries, memory: MemoryBank) -> Tensor:
    """Cosines with every instance, as :func:`ntt.matching.scorers.base.by_class` sorts them."""
    vectors = memory.vectors.to(queries.features)
    labels = memory.labels.to(vectors.device)
    return by_class(cosine(queries.vectors, vectors), labels, len(memory.class_names))
