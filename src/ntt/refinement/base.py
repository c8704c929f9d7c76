"""Refiner interface and the mask clean-up shared by all refiners."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntt.matching.ops import boxes_from_masks
from ntt.options import Share, checked
from ntt.segmenters.base import ImageEmbedding, Segmenter
from ntt.structures import Instances

Mask = NDArray[np.bool_]


class Refiner(Protocol):
    """Refine the masks of instances.

    Attributes:
        needs_segmenter: whether the refiner prompts the segmenter.
    """

    needs_segmenter: bool

    def __call__(
        self, image: Tensor, found: Instances, segmenter: Segmenter, embedding: ImageEmbedding | None
    ) -> Instances:
        """Refine the masks of one image; scores, labels and order are unchanged.

        Args:
            image: ``(3, H, W)`` float in [0, 1].
            found: instances with masks of ``H`` x ``W``.
            segmenter: segmenter to prompt.
            embedding: image embedding; None if the refiner needs no segmenter.
        """


@dataclass(init=False)
class CleanUp:
    """Remove small parts and fill small holes of a mask.

    Args:
        min_part: connected parts smaller than this share of the mask's largest part are removed; 0 keeps all.
        max_hole: holes up to this share of the mask are filled; 0 keeps all.

    Raises:
        InputError: a share is outside [0, 1].
    """

    min_part: float
    max_hole: float

    @checked
    def __init__(self, min_part: Share = 0.0, max_hole: Share = 0.0) -> None:
        self.min_part = min_part
        self.max_hole = max_hole

    def __call__(self, mask: Mask) -> Mask:
        """Clean up a mask ``(H, W)`` bool."""
        if self.max_hole:
            mask = _fill_holes(mask, self.max_hole * mask.sum())
        if self.min_part:
            mask = _drop_parts(mask, self.min_part)
        return mask


class NoRefinement:
    """Apply only the clean-up.

    Args:
        clean_up: clean-up of the masks; None changes nothing.
    """

    needs_segmenter = False

    def __init__(self, clean_up: CleanUp | None = None) -> None:
        self.clean_up = clean_up or CleanUp()

    def __call__(
        self, image: Tensor, found: Instances, segmenter: Segmenter, embedding: ImageEmbedding | None
    ) -> Instances:
        """See :class:`Refiner`."""
        if self.clean_up == CleanUp() or not len(found):
            return found
        return with_masks(
            found, torch.stack([torch.from_numpy(self.clean_up(m.numpy())) for m in found.masks])
        )


def with_masks(found: Instances, masks: Tensor) -> Instances:
    """Replace masks by ``(N, H, W)`` bool and recompute boxes; empty new masks keep the old ones."""
    filled = masks.flatten(1).any(dim=1)
    masks = torch.where(filled[:, None, None], masks, found.masks)
    return replace(found, masks=masks, boxes=boxes_from_masks(masks))


def _fill_holes(mask: Mask, most: float) -> Mask:
    padded = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(padded, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= most
    small[numbers[0, 0]] = False  # the padding around the image
    small[0] = False
    filled: Mask = mask | small[numbers][1:-1, 1:-1]
    return filled


def _drop_parts(mask: Mask, least: float) -> Mask:
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = areas >= least * areas[1:].max()
    kept[0] = False
    cleaned: Mask = kept[numbers]
    return cleaned
