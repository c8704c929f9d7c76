"""Proposals from a regular grid of single-point prompts."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.matching.patches import Patches
from ntt.options import AtLeastOne
from ntt.segmenters.base import ImageEmbedding, Prompts, Proposals, Segmenter
from ntt.segmenters.sam2 import Sam2Segmenter

SPACING = 32  # pixels between prompts; equals the paper's 32 x 32 prompts at 1024 pixels
PROMPT_BATCH = 64  # batch size of SAM 2's automatic mask generator


class GridProposals:
    """Prompt the segmenter at the centres of ``points_per_side ** 2`` equal cells.

    Args:
        points_per_side: prompts along each side of the square input; None uses one every 32 pixels, which
            matches the paper's prompt density for any input size.
        min_iou: masks with a predicted IoU not above this threshold are dropped.
    """

    needs_segmenter = True

    def __init__(self, points_per_side: AtLeastOne | None, min_iou: float) -> None:
        self.points_per_side = points_per_side
        self.min_iou = min_iou

    @property
    def cache_key(self) -> str | None:
        """See :class:`ntt.proposals.ProposalStrategy`."""
        return f"{type(self).__name__} {self.points_per_side} {self.min_iou}"

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """Return at most ``points_per_side ** 2`` proposals in row-major order, for any class."""
        assert embedding is not None
        points = self.points(segmenter)
        labels = torch.ones(len(points), 1, dtype=torch.int32)
        return segmenter.decode(embedding, Prompts(points[:, None], labels), min_iou=self.min_iou)

    def points(self, segmenter: Segmenter) -> Tensor:
        """Return prompts ``(points_per_side ** 2, 2)``, ``x y`` in pixels of the segmenter's square input."""
        return grid_points(self.points_per_side or segmenter.image_size // SPACING, segmenter.image_size)


def grid_points(points_per_side: int, image_size: int) -> Tensor:
    """Compute cell centres ``(points_per_side ** 2, 2)``, ``x y`` in pixels, in row-major order."""
    centres = (torch.arange(points_per_side) + 0.5) * (image_size / points_per_side)
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


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
