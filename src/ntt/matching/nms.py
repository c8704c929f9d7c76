"""Non-maximum suppression."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import batched_nms


def class_nms(boxes: Tensor, priority: Tensor, labels: Tensor, threshold: float, limit: int) -> Tensor:
    """Apply NMS within each class, keeping the boxes of highest priority.

    Args:
        boxes: ``(N, 4)`` ``x1 y1 x2 y2``, integers on the mask grid. torchvision shifts each class by its
            label times the largest coordinate, which would round fractions and large numbers.
        priority: ``(N,)``.
        labels: ``(N,)`` int64.
        threshold: box IoU above which the box of lower priority is dropped.
        limit: maximum number of kept boxes.

    Returns:
        Indices of the kept boxes, by decreasing priority.
    """
    dtype = torch.promote_types(boxes.dtype, priority.dtype)
    kept: Tensor = batched_nms(boxes.to(dtype), priority.to(dtype), labels, threshold)
    return kept[:limit]
