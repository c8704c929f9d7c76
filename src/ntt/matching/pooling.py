"""Pooling patch features inside masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def patch_weights(features: Tensor, masks: Tensor) -> Tensor:
    """How much each patch counts in the mean of features, upsampled to the grid of the masks, in each mask.

    Upsampling is linear and the same for every channel, so instead of upsampling C channels and summing
    them inside a mask, the mask is carried back to the patch grid by the transposed upsampling, where it
    becomes one weight per patch. The result is the same, the ``m * n * C`` feature map is never made.

    Args:
        features: ``(h, w, C)`` patch features of an image.
        masks: ``(N, m, n)`` bool on any grid over the same image.

    Returns:
        ``(N, h * w)``, rows that sum to 1; zeros for an empty mask.
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
    """``(size, upsampled)``: how much each sample contributes to each upsampled one, along one axis."""
    return F.interpolate(torch.eye(size)[None], upsampled, mode="linear", align_corners=False)[0]
