"""Non-maximum suppression."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import batched_nms


def class_nms(boxes: Tensor, priority: Tensor, labels: Tensor, threshold: float, limit: int) -> Tensor:
    """Keep, within each class, boxes that overlap no better one, best meaning highest priority.

    Args:
        boxes: ``(N, 4)`` ``x1 y1 x2 y2``, whole numbers on the grid of the masks: torchvision shifts each
            class by its label times the largest coordinate, and would round fractions and large numbers.
        priority: ``(N,)``.
        labels: ``(N,)`` int64.
        threshold: box IoU above which the worse of two is dropped.
        limit: at most so many are kept.

    Returns:
        Indices of those kept, by falling priority.
    """
    dtype = torch.promote_types(boxes.dtype, priority.dtype)
    kept: Tensor = batched_nms(boxes.to(dtype), priority.to(dtype), labels, threshold)
    return kept[:limit]
