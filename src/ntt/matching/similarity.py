"""Cosine similarity between features and prototypes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def cosine(vectors: Tensor, others: Tensor) -> Tensor:
    """Compute the cosine of all pairs, ``(..., C)`` and ``(K, C)`` to ``(..., K)``.

    The cosine with a zero vector or a vector containing NaN is 0.
    """
    product = F.normalize(vectors, dim=-1) @ F.normalize(others, dim=-1).T
    return torch.nan_to_num(product).clamp(-1, 1)


def classify(similarities: Tensor) -> tuple[Tensor, Tensor]:
    """Assign each row its most similar class.

    Args:
        similarities: ``(N, K)`` cosines, K at least 1.

    Returns:
        Scores ``(N,)``, the largest cosine clamped at 0, and labels ``(N,)`` int64.
    """
    scores, labels = similarities.max(dim=1)
    return scores.clamp(min=0), labels


def similarity_maps(features: Tensor, prototypes: Tensor) -> Tensor:
    """Compute the cosine of patches ``(h, w, C)`` and prototypes ``(K, C)``: ``(K, h, w)`` in [-1, 1]."""
    return cosine(features, prototypes).permute(2, 0, 1)
