"""Resizing of mask logits to the image size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Elements upsampled at a time, which limits the float32 buffer to a quarter of a gigabyte.
CHUNK_ELEMENTS = 2**26


def resize_masks(logits: Tensor, height: int, width: int) -> Tensor:
    """Upsample mask logits ``(N, m, m)`` bilinearly and threshold at 0: ``(N, height, width)`` bool."""
    chunk = max(1, CHUNK_ELEMENTS // (height * width))
    resized = torch.zeros(len(logits), height, width, dtype=torch.bool, device=logits.device)
    for start in range(0, len(logits), chunk):
        part = logits[start : start + chunk, None].float()
        part = F.interpolate(part, (height, width), mode="bilinear", align_corners=False)
        resized[start : start + chunk] = part[:, 0] > 0
    return resized
