"""Cropping and resizing of reference images for the encoder."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_DETAIL = 4  # maximum downscaling per side of the crop; larger crops are shrunk first


def crop_reference(
    image: Tensor, mask: Tensor, context_ratio: float, img_size: int, patch_size: int
) -> tuple[Tensor, Tensor]:
    """Crop a square around the instance and resize it for the encoder.

    The square is centred on the mask's box and has side ``max(width, height) * (1 + context_ratio)``. Its
    area outside the image is filled with the mean colour of the area inside.

    Args:
        image: ``(3, H, W)`` float in [0, 1].
        mask: ``(H, W)`` bool, not empty.
        context_ratio: margin around the box, relative to its longer side.
        img_size: side in pixels of the result, a multiple of ``patch_size``.
        patch_size: side in pixels of a patch.

    Returns:
        The crop ``(3, img_size, img_size)`` and the share of each patch covered by the mask,
        ``(img_size / patch_size, img_size / patch_size)`` in [0, 1]. Unlike nearest-pixel sampling, shares
        keep objects smaller than a patch.
    """
    top, left, side = _square_around(mask, context_ratio)
    if side > MOST_DETAIL * img_size:
        image, mask = _shrunk(image, mask, MOST_DETAIL * img_size / side)
        top, left, side = _square_around(mask > 0, context_ratio)
    rows = slice(max(top, 0), min(top + side, mask.shape[0]))
    columns = slice(max(left, 0), min(left + side, mask.shape[1]))
    inside = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))

    seen = image[:, rows, columns]
    square = seen.mean(dim=(1, 2), keepdim=True).expand(3, side, side).clone()
    square[:, inside[0], inside[1]] = seen
    square_mask = torch.zeros(side, side)
    square_mask[inside] = mask[rows, columns].float()

    weights = F.avg_pool2d(_resize(square_mask[None], img_size, img_size)[None], patch_size)[0, 0]
    return _resize(square, img_size, img_size), weights


def whole_reference(image: Tensor, mask: Tensor, img_size: int, patch_size: int) -> tuple[Tensor, Tensor]:
    """Resize a whole reference image for the encoder, ignoring the aspect ratio, like target images.

    Arguments and result are those of :func:`crop_reference`.
    """
    weights = F.interpolate(mask[None, None].float(), (img_size // patch_size,) * 2, mode="area")[0, 0]
    return _resize(image, img_size, img_size), weights


def _shrunk(image: Tensor, mask: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Shrink an image, and compute the share of each of its pixels that the mask covers.

    Needed for panoramas, whose square crop would be many times larger than the image.
    """
    height, width = (max(1, round(length * scale)) for length in mask.shape)
    shares = F.adaptive_avg_pool2d(mask[None].float(), (height, width))[0]
    return _resize(image, height, width), shares


def _square_around(mask: Tensor, context_ratio: float) -> tuple[int, int, int]:
    """Return top, left and side of the square in pixels; top and left may be negative."""
    rows = torch.nonzero(mask.any(dim=1))[:, 0]
    columns = torch.nonzero(mask.any(dim=0))[:, 0]
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    side = math.ceil(max(bottom - top, right - left) * (1 + context_ratio))
    return (top + bottom - side) // 2, (left + right - side) // 2, side


def _resize(image: Tensor, height: int, width: int) -> Tensor:
    """Resize ``(C, H, W)``."""
    return F.interpolate(image[None], (height, width), mode="bilinear", align_corners=False, antialias=True)[
        0
    ]
