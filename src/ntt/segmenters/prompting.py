"""Conversion of coarse masks to prompts."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.errors import InputError
from ntt.segmenters.base import MASK_LOGIT, Prompts, Segmenter

POINT_AND_BOX = (1, 2, 3)  # labels of a foreground point and of the two box corners


def mask_prompts(segmenter: Segmenter, masks: Tensor, boxes: Tensor) -> Prompts:
    """Convert masks ``(N, H, W)`` bool and boxes ``(N, 4)`` to prompts with mask, box and deepest point.

    Raises:
        InputError: the segmenter was not trained on mask prompts.
    """
    if not segmenter.mask_prompts:
        raise InputError(
            f"segmenter={segmenter.name} was not trained on mask prompts; choose sam2_lite or a sam2.1 model"
        )
    height, width = masks.shape[1:]
    grid = (segmenter.mask_size, segmenter.mask_size)
    shares = torch.cat([F.interpolate(mask[None, None].float(), grid, mode="area") for mask in masks])
    points = torch.stack([_deepest(share[0]) for share in shares]) * (
        segmenter.image_size / segmenter.mask_size
    )
    scale = torch.tensor([segmenter.image_size / width, segmenter.image_size / height])
    corners = boxes.cpu().view(-1, 2, 2) * scale
    labels = torch.tensor(POINT_AND_BOX, dtype=torch.int32).expand(len(masks), -1)
    return Prompts(torch.cat([points[:, None], corners], dim=1), labels, MASK_LOGIT * (2 * shares - 1))


def _deepest(shares: Tensor) -> Tensor:
    """Find the point ``x y`` of ``(m, m)`` with the largest distance to the outside of the mask."""
    inside = np.pad((shares >= min(0.5, float(shares.max()))).numpy(force=True).astype(np.uint8), 1)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return torch.tensor([x + 0.5, y + 0.5])
