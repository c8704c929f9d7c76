"""Penalty for masks that are more similar to a hard negative than to the class."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.queries import Queries
from ntt.matching.scorers.base import Scorer, by_class
from ntt.matching.similarity import cosine
from ntt.memory import MemoryBank


class NegativePenalty:
    """Lower the similarities of another scorer by the memory's hard negatives, if there are any.

    ``pos * exp(-max(0, neg - pos) / sigma)`` as in *No time to train!* (arXiv 2507.02798), where ``pos`` is
    the similarity to the class and ``neg`` the largest cosine with a hard negative of the class.

    Args:
        scorer: computes the similarities to the classes.
        sigma: above 0; lower values penalise more.

    Raises:
        InputError: ``sigma`` is not above 0.
    """

    def __init__(self, scorer: Scorer, sigma: float) -> None:
        if not sigma > 0:
            raise InputError(
                f"model.matcher.scorer.sigma must be above 0, got {sigma}; the paper uses 0.8 to 1"
            )
        self.scorer = scorer
        self.sigma = sigma

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        positive = self.scorer(queries, memory)
        vectors, labels = memory.negatives
        if not len(labels):
            return positive
        cosines = cosine(queries.vectors, vectors.to(queries.features))
        negative = by_class(cosines, labels.to(cosines.device), len(memory.class_names)).amax(dim=2)
        penalty = torch.exp(-(negative - positive).clamp(min=0) / self.sigma)
        return torch.where(positive > 0, positive * penalty, positive)  # scaling would raise negative values
