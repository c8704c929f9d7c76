"""Masks that the segmenter makes of coarse ones."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.resizing import resize_masks
from ntt.refinement.base import CleanUp, with_masks
from ntt.segmenters.base import MASK_LOGIT, ImageEmbedding, Prompts, Segmenter
from ntt.structures import Instances

POINT_AND_BOX = (1, 2, 3)  # labels of a point on the object and of a box's corners


class PromptedRefinement:
    """Prompt the segmenter with each mask, the box around it and its deepest point.

    Args:
        min_overlap: a new mask whose IoU with the old one is below this is not taken, in [0, 1].
        clean_up: of the result.

    Raises:
        InputError: a number outside its range.
    """

    needs_segmenter = True

    def __init__(self, min_overlap: float, clean_up: CleanUp | None = None) -> None:
        if not 0 <= min_overlap <= 1:
            raise InputError(f"refine.min_overlap must be in [0, 1], got {min_overlap}")
        self.min_overlap = min_overlap
        self.clean_up = clean_up or CleanUp()

    def __call__(
        self, image: Tensor, found: Instances, segmenter: Segmenter, embedding: ImageEmbedding | None
    ) -> Instances:
        """See :class:`ntt.refinement.Refiner`.

        Raises:
            InputError: the segmenter was not trained on masks.
        """
        if not len(found):
            return found
        assert embedding is not None
        answers = segmenter.decode(embedding, mask_prompts(segmenter, found.masks, found.boxes))
        masks = resize_masks(answers.logits, *found.masks.shape[1:]).cpu()
        overlap = torch.tensor([_iou(new, old) for new, old in zip(masks, found.masks, strict=True)])
        masks = torch.where((overlap >= self.min_overlap)[:, None, None], masks, found.masks)
        return with_masks(found, torch.stack([torch.from_numpy(self.clean_up(m.numpy())) for m in masks]))


def mask_prompts(segmenter: Segmenter, masks: Tensor, boxes: Tensor) -> Prompts:
    """Prompts of masks ``(N, H, W)`` bool over an image, with their boxes ``(N, 4)`` and deepest points.

    Raises:
        InputError: the segmenter was not trained on masks.
    """
    if not segmenter.mask_prompts:
        raise InputError(
            f"segmenter={segmenter.name} was not trained on mask prompts; choose sam2_lite, or a sam2.1 one"
        )
    height, width = masks.shape[1:]
    grid = (segmenter.mask_size, segmenter.mask_size)
    shares = torch.cat([F.interpolate(mask[None, None].float(), grid, mode="area") for mask in masks])
    points = torch.stack([_deepest(share[0]) for share in shares]) * (
        segmenter.image_size / segmenter.mask_size
    )
    scale = torch.tensor([segmenter.image_size / width, segmenter.image_size / height])
    corners = boxes.view(-1, 2, 2) * scale
    labels = torch.tensor(POINT_AND_BOX, dtype=torch.int32).expand(len(masks), -1)
    return Prompts(torch.cat([points[:, None], corners], dim=1), labels, MASK_LOGIT * (2 * shares - 1))


def _deepest(shares: Tensor) -> Tensor:
    """The point ``x y`` of ``(m, m)`` farthest from the outside of the mask."""
    inside = np.pad((shares >= min(0.5, float(shares.max()))).numpy(force=True).astype(np.uint8), 1)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return torch.tensor([x + 0.5, y + 0.5])


def _iou(mask: Tensor, other: Tensor) -> float:
    return float((mask & other).sum() / (mask | other).sum().clamp(min=1))
