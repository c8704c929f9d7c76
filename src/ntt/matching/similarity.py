"""Cosine similarity between features and prototypes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def cosine(vectors: Tensor, others: Tensor) -> Tensor:
    """Cosine of every pair, ``(..., C)`` and ``(K, C)`` to ``(..., K)``.

    A zero vector, and one that is not a number, resembles nothing: 0.
    """
    product = F.normalize(vectors, dim=-1) @ F.normalize(others, dim=-1).T
    return torch.nan_to_num(product).clamp(-1, 1)


def classify(similarities: Tensor) -> tuple[Tensor, Tensor]:
    """Give each row the class it is most similar to.

    Args:
        similarities: ``(N, K)`` cosines, K at least 1.

    Returns:
        Scores ``(N,)``, the largest cosine clamped at 0, and labels ``(N,)`` int64.
    """
    scores, labels = similarities.max(dim=1)
    return scores.clamp(min=0), labels


def similarity_maps(features: Tensor, prototypes: Tensor) -> Tensor:
    """Cosine of every patch of ``(h, w, C)`` with every prototype of ``(K, C)``: ``(K, h, w)`` in [-1, 1]."""
    return cosine(features, prototypes).permute(2, 0, 1)
