"""Bounding boxes of masks."""

from __future__ import annotations

import torch
from torch import Tensor


def boxes_from_masks(masks: Tensor) -> Tensor:
    """Compute tight boxes around masks.

    Args:
        masks: ``(N, H, W)`` bool.

    Returns:
        ``(N, 4)`` float ``x1 y1 x2 y2`` in pixels, exclusive right and bottom; zeros for an empty mask.
    """
    left, right = _extent(masks.any(dim=1))
    top, bottom = _extent(masks.any(dim=2))
    return torch.stack([left, top, right, bottom], dim=1).float()


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and one past the last True index of each row of ``(N, L)``; 0 and 0 without any."""
    position = torch.arange(1, occupied.shape[1] + 1, device=occupied.device)
    last = (occupied * position).amax(dim=1)
    first_from_end = (occupied * position.flip(0)).amax(dim=1)
    first = torch.where(last > 0, occupied.shape[1] - first_from_end, 0)
    return first, last
