"""INSID3: proposals from clusters of patches, without a segmenter.

Cuttano et al., *INSID3: Training-Free In-Context Segmentation with DINOv3*, CVPR 2026 (arXiv 2603.28480). The
functions follow the steps of its method section in order, each for one class. Debiasing happens in the
encoder (``encoder.debias``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.cluster.hierarchy import fcluster, linkage
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.patches import Patches
from ntt.memory import MemoryBank
from ntt.options import Cosine, checked
from ntt.segmenters.base import ImageEmbedding, Proposals, Segmenter

FALLBACK_QUANTILE = 0.9  # similarity quantile that replaces the threshold 0 if no patch is above 0
# Logits of a mask on the patch grid. After resizing, they cross 0 where the mask crosses 0.5.
INSIDE, OUTSIDE = 0.5, -0.5


class ClusterProposals:
    """Propose one region per class with INSID3.

    Args:
        tau: mean cosine down to which clusters are merged, in [-1, 1]; a larger value gives smaller clusters.
        min_score: clusters with a score above this threshold belong to the class.

    Raises:
        InputError: ``tau`` is out of range.
    """

    needs_segmenter = False
    cache_key = None  # depends on the references

    @checked
    def __init__(self, tau: Cosine, min_score: float) -> None:
        self.tau = tau
        self.min_score = min_score

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """Return at most K labelled proposals on the patch grid; ``iou`` is the mean similarity."""
        regions = class_regions(patches, self.tau, self.min_score)
        found = [label for label, region in enumerate(regions) if bool(region.any())]
        logits = torch.where(regions[found], INSIDE, OUTSIDE)
        iou = (
            torch.stack([patches.similarity[k][regions[k]].mean() for k in found])
            if found
            else logits.sum((1, 2))
        )
        return Proposals(logits, iou, torch.tensor(found, dtype=torch.int64, device=logits.device))


def class_regions(patches: Patches, tau: float, min_score: float) -> Tensor:
    """Select the patches of each class, ``(K, h, w)`` bool; empty for an absent class.

    Args:
        patches: patches of the target image; the memory must contain feature maps.
        tau: see :class:`ClusterProposals`.
        min_score: see :class:`ClusterProposals`.
    """
    plain = torch.nan_to_num(patches.plain.float(), 0.0, 0.0, 0.0)  # half precision can produce NaN and inf
    clusters = cluster_patches(plain, tau)
    features = F.normalize(torch.nan_to_num(patches.features.float(), 0.0, 0.0, 0.0), dim=-1)
    regions = torch.zeros_like(patches.similarity, dtype=torch.bool)
    for label, similarity in enumerate(patches.similarity):
        candidates = forward_candidates(similarity)
        candidates[candidates.clone()] = backward_candidates(features[candidates], patches.memory, label)
        if bool(candidates.any()):
            prototype = F.normalize(patches.memory.prototypes[label].to(features), dim=0)
            scores = cluster_scores(clusters, candidates, similarity, features, plain, prototype)
            regions[label] = (scores > min_score)[clusters]
    return regions


def forward_candidates(similarity: Tensor) -> Tensor:
    """Select patches similar to the prototype, ``(h, w)`` bool: above 0, or the most similar if none is."""
    above = similarity > 0
    return above if bool(above.any()) else similarity > similarity.quantile(FALLBACK_QUANTILE)


def backward_candidates(features: Tensor, memory: MemoryBank, label: int) -> Tensor:
    """Select patches whose best reference match lies inside the class mask, ``(P,)`` bool.

    At least half of the S reference images of the class, rounded up, must agree.

    Args:
        features: ``(P, C)`` L2-normalised features of patches of the target.
        memory: reference memory with feature maps.
        label: class of the references.

    Raises:
        InputError: the memory contains no feature maps.
    """
    references = reference_maps(memory, label)
    votes = torch.zeros(len(features), dtype=torch.int64, device=features.device)
    for known, mask in references:
        best = (features @ known.to(features).flatten(0, 1).T).argmax(dim=1)
        votes += mask.to(features.device).flatten()[best]
    return votes >= -(-len(references) // 2)


def reference_maps(memory: MemoryBank, label: int) -> Sequence[tuple[Tensor, Tensor]]:
    """Return the normalised features ``(h, w, C)`` and mask ``(h, w)`` bool of each image of a class.

    The mask of an image is the union of its objects' masks.

    Raises:
        InputError: the memory contains no feature maps.
    """
    if not memory.maps:
        raise InputError("model.memory.maps must be true for cluster proposals, which match single patches")
    return memory.derived(("reference_maps", label), lambda bank: _by_image(bank, label))


def _by_image(memory: MemoryBank, label: int) -> list[tuple[Tensor, Tensor]]:
    images: list[tuple[Tensor, Tensor]] = []
    for index in torch.nonzero(memory.labels == label)[:, 0].tolist():
        features, mask = memory.maps[index]
        for place, (known, known_mask) in enumerate(images):
            if torch.equal(known, features):
                images[place] = (known, known_mask | mask)
                break
        else:
            images.append((features, mask))
    return [(F.normalize(features.float(), dim=-1), mask) for features, mask in images]


def cluster_patches(features: Tensor, tau: float) -> Tensor:
    """Cluster patches by cosine distance with average linkage, cut at ``1 - tau``.

    Args:
        features: ``(h, w, C)``, not debiased, because position keeps clusters spatially compact.
        tau: see :class:`ClusterProposals`.

    Returns:
        Cluster index of each patch, ``(h, w)`` int64 from 0.
    """
    vectors = F.normalize(features.float().cpu().flatten(0, 1), dim=1)
    rows, columns = np.triu_indices(len(vectors), 1)
    distances = (1 - vectors @ vectors.T).clamp(min=0).double().numpy()[rows, columns]
    numbers = fcluster(linkage(distances, "average"), 1 - tau, "distance") - 1
    return torch.from_numpy(numbers).long().view(features.shape[:2]).to(features.device)


def cluster_scores(
    clusters: Tensor,
    candidates: Tensor,
    similarity: Tensor,
    features: Tensor,
    plain: Tensor,
    prototype: Tensor,
) -> Tensor:
    """Score how well each cluster matches the class, ``(n,)``; 0 for clusters without candidates.

    The seed is the cluster with candidates that is most similar to the prototype. The score of a cluster is
    its mean similarity to the prototype, times its similarity to the seed before debiasing, times its share
    of candidates, which is set to 1 for the seed.

    Args:
        clusters: ``(h, w)`` int64 cluster indices, n clusters.
        candidates: ``(h, w)`` bool, at least one True.
        similarity: ``(h, w)`` cosine with the prototype.
        features: ``(h, w, C)`` debiased, L2-normalised features.
        plain: ``(h, w, C)`` features before debiasing.
        prototype: ``(C,)``, L2-normalised.
    """
    members = F.one_hot(clusters.flatten()).to(features.dtype)  # (P, n)
    sizes = members.sum(dim=0)
    share = members.T @ candidates.flatten().to(members) / sizes
    centres = F.normalize(members.T @ features.flatten(0, 1), dim=1)
    seed = torch.where(share > 0, centres @ prototype, -2.0).argmax()
    plain_centres = F.normalize(members.T @ F.normalize(plain.float(), dim=-1).flatten(0, 1), dim=1)
    to_seed = plain_centres @ plain_centres[seed]
    to_prototype = members.T @ similarity.flatten().to(members) / sizes
    share[seed] = 1.0
    return torch.where(share > 0, to_prototype * to_seed * share, 0.0)
