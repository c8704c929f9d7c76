"""Semantic maps from instances."""

from __future__ import annotations

import torch
from torch import Tensor


def semantic_map(masks: Tensor, scores: Tensor, labels: Tensor, score_threshold: float) -> Tensor:
    """Assign each pixel the class of the highest-scoring instance that covers it.

    Args:
        masks: ``(N, H, W)`` bool.
        scores: ``(N,)``; for equal scores, the earlier instance takes precedence.
        labels: ``(N,)`` int64.
        score_threshold: instances with a lower score are ignored.

    Returns:
        ``(H, W)`` int64: 0 for background, ``k + 1`` for class ``k``.
    """
    classes = torch.zeros(masks.shape[1:], dtype=torch.int64, device=masks.device)
    worst_first = torch.argsort(scores, descending=True, stable=True).flip(0)
    for index in worst_first[scores[worst_first] >= score_threshold].tolist():
        classes[masks[index]] = labels[index] + 1  # overwrites lower scores
    return classes
