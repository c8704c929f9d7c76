"""Soft merging: lower the scores of masks contained in an earlier, similar mask."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.matching.similarity import cosine

CHUNK_ELEMENTS = 2**24  # mask pixels converted to float at a time


def soft_merge(masks: Tensor, vectors: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """Lower the scores of masks that are contained in earlier masks of their class.

    As in *No time to train!* (arXiv 2507.02798): ``score_i * sqrt(1 - IoS_i)``, where ``IoS_i`` is the
    largest ``|M_i & M_j| / |M_i| * max(0, cos(f_i, f_j))`` over the masks ``j`` before ``i`` of its class.

    Args:
        masks: ``(N, m, n)`` bool in NMS order, on any grid. Empty masks keep their scores.
        vectors: ``(N, C)`` pooled features f.
        scores: ``(N,)``.
        labels: ``(N,)`` int64.

    Returns:
        The new scores ``(N,)``.
    """
    contained = torch.zeros_like(scores)
    for label in labels.unique().tolist():
        members = torch.nonzero(labels == label)[:, 0]
        shared = _intersections(masks[members].flatten(1))
        share = shared / shared.diagonal().clamp(min=1)[:, None]
        share = share * cosine(vectors[members], vectors[members]).clamp(min=0)
        contained[members] = share.tril(diagonal=-1).amax(dim=1)
    return scores * (1 - contained).clamp(min=0).sqrt()


def _intersections(masks: Tensor) -> Tensor:
    """Count common pixels of all pairs of ``(N, P)`` bool masks: ``(N, N)`` float32, exact up to 2**24."""
    common = torch.zeros(len(masks), len(masks), device=masks.device)
    for part in masks.split(max(1, CHUNK_ELEMENTS // len(masks)), dim=1):
        inside = part.float()
        common.addmm_(inside, inside.T)
    return common
