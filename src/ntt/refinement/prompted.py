"""Mask refinement by prompting the segmenter with coarse masks."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.matching.ops import resize_masks
from ntt.matching.selection import paired_iou
from ntt.options import Share, checked
from ntt.refinement.base import CleanUp, with_masks
from ntt.segmenters.base import ImageEmbedding, Segmenter
from ntt.segmenters.prompting import mask_prompts
from ntt.structures import Instances


class PromptedRefinement:
    """Prompt the segmenter with each mask, the box around it and its deepest point.

    Args:
        min_overlap: a new mask whose IoU with the old one is below this threshold is discarded, in [0, 1].
        clean_up: clean-up of the refined mask.

    Raises:
        InputError: ``min_overlap`` is out of range.
    """

    needs_segmenter = True

    @checked
    def __init__(self, min_overlap: Share, clean_up: CleanUp | None = None) -> None:
        self.min_overlap = min_overlap
        self.clean_up = clean_up or CleanUp()

    def __call__(
        self, image: Tensor, found: Instances, segmenter: Segmenter, embedding: ImageEmbedding | None
    ) -> Instances:
        """See :class:`ntt.refinement.Refiner`.

        Raises:
            InputError: the segmenter was not trained on mask prompts.
        """
        if not len(found):
            return found
        assert embedding is not None
        decoded = segmenter.decode(embedding, mask_prompts(segmenter, found.masks, found.boxes))
        masks = resize_masks(decoded.logits, *found.masks.shape[1:]).cpu()
        overlap = paired_iou(masks, found.masks)
        masks = torch.where((overlap >= self.min_overlap)[:, None, None], masks, found.masks)
        return with_masks(found, torch.stack([torch.from_numpy(self.clean_up(m.numpy())) for m in masks]))
