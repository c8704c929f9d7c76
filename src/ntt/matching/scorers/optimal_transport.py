"""Scorer that compares patches by optimal transport."""

from __future__ import annotations

import ot
import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.queries import Queries
from ntt.matching.similarity import cosine
from ntt.memory import MemoryBank

MOST_PATCHES = 64  # larger masks are represented by this many evenly spaced patches


class OptimalTransport:
    """Mean cosine of a mask's patches with those of an instance under the optimal assignment.

    This is 1 minus the earth mover's distance with cost ``1 - cosine`` between weighted patches (DeepEMD,
    Zhang et al., arXiv 2003.06777), solved exactly. A class uses its most similar instance. References are
    represented by the centres of their patches, which the memory stores only if ``memory.patches`` is set.

    Transport is computed only for the classes that rank first by class mean. The other classes keep the
    cosine with their mean, clamped to the lowest transport score of the shortlist, because a shortlisted
    class is more similar.

    Args:
        shortlist: number of classes compared by transport, at least 1.

    Raises:
        InputError: ``shortlist`` below 1.
    """

    def __init__(self, shortlist: int) -> None:
        if shortlist < 1:
            raise InputError(f"scorer.shortlist must be at least 1, got {shortlist}")
        self.shortlist = shortlist

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`.

        Raises:
            InputError: the memory contains no patches.
        """
        if not memory.patches:
            raise InputError(
                "scorer=optimal_transport compares patches, but the memory contains none: "
                "set model.memory.patches=8"
            )
        means = cosine(queries.vectors, memory.prototypes.to(queries.features))
        first = means.topk(min(self.shortlist, means.shape[1]), dim=1).indices
        scores = means.cpu()
        for index, classes in enumerate(first.tolist()):
            patches, weights = _patches_of(queries, index)
            if not len(weights):
                continue
            transported = [
                max(
                    _transport(patches, weights, memory.patches[member])
                    for member in torch.nonzero(memory.labels == label)[:, 0].tolist()
                )
                for label in classes
            ]
            scores[index].clamp_(max=min(transported))
            scores[index, classes] = torch.tensor(transported, dtype=scores.dtype)
        return scores.to(means.device)


def _patches_of(queries: Queries, index: int) -> tuple[Tensor, Tensor]:
    """Return patch features ``(n, C)`` of a mask and their weights ``(n,)``, which sum to 1, on the CPU."""
    covered = torch.nonzero(queries.weights[index] > 0)[:, 0]
    if len(covered) > MOST_PATCHES:
        covered = covered[torch.linspace(0, len(covered) - 1, MOST_PATCHES).long().to(covered.device)]
    weights = queries.weights[index, covered].cpu().double()
    return queries.features[covered].cpu(), weights / weights.sum()


def _transport(patches: Tensor, weights: Tensor, reference: tuple[Tensor, Tensor]) -> float:
    theirs, their_weights = reference
    cosines = cosine(patches, theirs.to(patches)).double()
    cost = ot.emd2(weights.numpy(), their_weights.double().numpy(), (1 - cosines).numpy())
    return float(1 - cost)
