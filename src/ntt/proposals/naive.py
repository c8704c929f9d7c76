"""Unoptimised point grid, as a baseline for speed and accuracy."""

from __future__ import annotations

import torch

from ntt.matching.patches import Patches
from ntt.proposals.grid import GridProposals
from ntt.segmenters.base import ImageEmbedding, Prompts, Proposals, Segmenter
from ntt.segmenters.sam2 import Sam2Segmenter

PROMPT_BATCH = 64  # batch size of SAM 2's automatic mask generator


class NaiveGridProposals(GridProposals):
    """Proposals of :class:`GridProposals`, computed with the package's own decoder.

    Like the paper's reference implementation, it repeats the image for every prompt and upscales all four
    masks of every prompt before selecting by predicted IoU.
    """

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """See :class:`GridProposals`."""
        assert isinstance(segmenter, Sam2Segmenter), "only SAM 2 has a decoder to compare with"
        assert embedding is not None
        points = self.points(segmenter)
        labels = torch.ones(len(points), 1, dtype=torch.int32)
        logits, iou = [], []
        for prompts, label in zip(
            points[:, None].split(PROMPT_BATCH), labels.split(PROMPT_BATCH), strict=True
        ):
            masks, ious = segmenter.decode_all(embedding, Prompts(prompts, label))
            best_iou, best = ious[:, 1:].max(dim=1)
            logits.append(masks[torch.arange(len(masks), device=masks.device), best + 1])
            iou.append(best_iou)
        wanted = torch.cat(iou) > self.min_iou
        return Proposals(torch.cat(logits)[wanted], torch.cat(iou)[wanted])
