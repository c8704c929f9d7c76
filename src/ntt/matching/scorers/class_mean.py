"""Scorer that compares with class prototypes."""

from __future__ import annotations

from torch import Tensor

from ntt.matching.queries import Queries
from ntt.matching.similarity import cosine
from ntt.memory import MemoryBank


class ClassMean:
    """Cosine with the class prototype, the mean of its instances (arXiv 2507.02798)."""

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        return cosine(queries.vectors, memory.prototypes.to(queries.features))
