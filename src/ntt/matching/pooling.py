"""Pooling of patch features inside masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def patch_weights(features: Tensor, masks: Tensor) -> Tensor:
    """Compute the weight of each patch in the mean of upsampled features inside each mask.

    Upsampling is linear and identical for all channels. Instead of upsampling C channels to the mask grid and
    averaging them inside a mask, the transposed upsampling maps the mask to one weight per patch. The result
    is the same, without creating the ``m * n * C`` feature map.

    Args:
        features: ``(h, w, C)`` patch features of an image.
        masks: ``(N, m, n)`` bool on any grid over the same image.

    Returns:
        ``(N, h * w)`` weights; rows sum to 1, or to 0 for an empty mask.
    """
    inside = masks.to(features.dtype)
    rows, columns = (
        _upsampling(size, upsampled).to(inside)
        for size, upsampled in zip(features.shape[:2], masks.shape[1:], strict=True)
    )
    weights = (rows @ inside @ columns.T).flatten(1)
    area = inside.sum(dim=(1, 2)).clamp(min=1)
    return weights / area[:, None]


def _upsampling(size: int, upsampled: int) -> Tensor:
    """Build the matrix ``(size, upsampled)`` of linear upsampling along one axis."""
    return F.interpolate(torch.eye(size)[None], upsampled, mode="linear", align_corners=False)[0]
