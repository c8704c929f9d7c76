"""Compare patch by patch."""

from __future__ import annotations

import ot
import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.queries import Queries
from ntt.matching.similarity import cosine
from ntt.memory import MemoryBank

MOST_PATCHES = 64  # of a query; a large mask is represented by so many of its patches, evenly chosen


class OptimalTransport:
    """Cosine of a mask's patches with those of an instance, under the best assignment of one to the other.

    The earth mover's distance with cost ``1 - cosine`` between weighted patches (DeepEMD, Zhang et al.,
    arXiv 2003.06777), solved exactly; the class takes its most similar instance. References are represented
    by the centres of their patches, which the memory keeps only if told to (``memory.patches``).

    Transport is asked only about the classes that the class means rank first; of the others it is known that
    something resembles the mask more, they keep the cosine with their mean, at most the lowest asked about.

    Args:
        shortlist: how many classes are compared, at least 1.

    Raises:
        InputError: ``shortlist`` below 1.
    """

    def __init__(self, shortlist: int) -> None:
        if shortlist < 1:
            raise InputError(f"scorer.shortlist={shortlist} is not at least 1")
        self.shortlist = shortlist

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`.

        Raises:
            InputError: the memory keeps no patches.
        """
        if not memory.patches:
            raise InputError(
                "scorer=optimal_transport compares patches, but the memory keeps none: "
                "add model.memory.patches=8"
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
    """Patch features ``(n, C)`` of a mask and their weights ``(n,)``, which sum to 1, on the CPU."""
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
