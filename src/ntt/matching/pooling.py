"""Pooling patch features inside masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pool_features(features: Tensor, masks: Tensor) -> Tensor:
    """Mean feature inside each mask, features being upsampled bilinearly to the grid of the masks.

    Upsampling is linear and the same for every channel, so instead of upsampling C channels and summing
    them inside a mask, the mask is carried back to the patch grid by the transposed upsampling, where it
    becomes one weight per patch. The result is the same, the ``m * m * C`` feature map is never made.

    Args:
        features: ``(h, w, C)`` patch features of an image.
        masks: ``(N, m, n)`` bool on any grid over the same image.

    Returns:
        ``(N, C)``; zeros for an empty mask.
    """
    height, width, channels = features.shape
    inside = masks.to(features.dtype)
    rows = _upsampling(height, masks.shape[1]).to(features)
    columns = _upsampling(width, masks.shape[2]).to(features)
    weights = rows @ inside @ columns.T
    area = inside.sum(dim=(1, 2)).clamp(min=1)
    return weights.flatten(1) @ features.reshape(height * width, channels) / area[:, None]


def _upsampling(size: int, upsampled: int) -> Tensor:
    """``(size, upsampled)``: how much each sample contributes to each upsampled one, along one axis."""
    return F.interpolate(torch.eye(size)[None], upsampled, mode="linear", align_corners=False)[0]
