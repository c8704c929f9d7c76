"""Scorers: similarities of proposals to the classes in the memory."""

from __future__ import annotations

import math
from typing import Protocol

import ot
import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.ops import cosine
from ntt.matching.patches import Queries
from ntt.memory import MemoryBank, cluster
from ntt.options import AtLeastOne, Positive, checked

MOST_PATCHES = 64  # larger masks are represented by this many evenly spaced patches


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


def group_by_class(similarities: Tensor, labels: Tensor, classes: int) -> Tensor:
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


class ClassMean:
    """Cosine with the class prototype, the mean of its instances (arXiv 2507.02798)."""

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        return cosine(queries.vectors, memory.prototypes.to(queries.features))


class KMeansCentres:
    """Cosine with the most similar k-means centre of the class's instances.

    Args:
        k: centres per class, at least 1; a class with at most k instances uses each as a centre.

    Raises:
        InputError: ``k`` below 1.
    """

    @checked
    def __init__(self, k: AtLeastOne) -> None:
        self.k = k

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        centres, labels = memory.derived(("k-means", self.k), self._cluster)
        cosines = cosine(queries.vectors, centres.to(queries.features))
        return group_by_class(cosines, labels.to(cosines.device), len(memory.class_names)).amax(dim=2)

    def _cluster(self, memory: MemoryBank) -> tuple[Tensor, Tensor]:
        """Compute centres ``(M, C)`` of all classes and their classes ``(M,)``."""
        classes = range(len(memory.class_names))
        centres = [cluster(memory.vectors[memory.labels == label], self.k)[0] for label in classes]
        labels = [torch.full((len(found),), label) for label, found in zip(classes, centres, strict=True)]
        return torch.cat(centres), torch.cat(labels)


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

    @checked
    def __init__(self, k: AtLeastOne, temperature: Positive) -> None:
        self.k = k
        self.temperature = temperature

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        cosines = instance_cosines(queries, memory)
        nearest = cosines.topk(min(self.k, cosines.shape[2]), dim=2).values
        weights = (nearest / self.temperature).softmax(dim=2)
        return (weights * nearest.clamp(min=-1)).sum(dim=2)  # the padding of minus infinity has weight 0


def instance_cosines(queries: Queries, memory: MemoryBank) -> Tensor:
    """Compute cosines with all instances, grouped by :func:`ntt.matching.scorers.group_by_class`."""
    vectors = memory.vectors.to(queries.features)
    labels = memory.labels.to(vectors.device)
    return group_by_class(cosine(queries.vectors, vectors), labels, len(memory.class_names))


class NegativePenalty:
    """Lower the similarities of another scorer by the memory's hard negatives, if there are any.

    ``pos * exp(-max(0, neg - pos) / sigma)`` as in *No time to train!* (arXiv 2507.02798), where ``pos`` is
    the similarity to the class and ``neg`` the largest cosine with a hard negative of the class.

    Args:
        scorer: computes the similarities to the classes.
        sigma: above 0; lower values penalise more; the paper uses 0.8 to 1.

    Raises:
        InputError: ``sigma`` is not above 0.
    """

    @checked
    def __init__(self, scorer: Scorer, sigma: Positive) -> None:
        self.scorer = scorer
        self.sigma = sigma

    def __call__(self, queries: Queries, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.scorers.Scorer`."""
        positive = self.scorer(queries, memory)
        vectors, labels = memory.negatives
        if not len(labels):
            return positive
        cosines = cosine(queries.vectors, vectors.to(queries.features))
        negative = group_by_class(cosines, labels.to(cosines.device), len(memory.class_names)).amax(dim=2)
        penalty = torch.exp(-(negative - positive).clamp(min=0) / self.sigma)
        return torch.where(positive > 0, positive * penalty, positive)  # scaling would raise negative values


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

    @checked
    def __init__(self, shortlist: AtLeastOne) -> None:
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
