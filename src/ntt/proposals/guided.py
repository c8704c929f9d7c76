"""Prompts where the image resembles the references, within a budget."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.patches import Patches
from ntt.proposals.grid import grid_points
from ntt.proposals.sampling import spread_points
from ntt.segmenters.base import ImageEmbedding, Prompts, Proposals, Segmenter

CANDIDATES_PER_SIDE = 32  # the paper's grid: where prompts may lie


class GuidedProposals:
    """Ask where the features of the classes are found, before any mask is known.

    Prompts are points of the paper's grid: first the peaks of the similarity to the nearest class, then ever
    weaker places, dense where some class matches and sparse elsewhere. The last ones fill the largest gaps,
    so that an object which the features miss is still asked for.

    Args:
        max_prompts: the budget; the one knob between recall and time.
        focus: in [0, 1); how much closer prompts come where the image matches best than where it matches
            least: 0 is an even spread, 0.9 ten times as close.
        min_iou: answers whose predicted IoU is not above this are dropped.

    Raises:
        InputError: a number outside its range.
    """

    def __init__(self, max_prompts: int, focus: float, min_iou: float) -> None:
        if max_prompts < 1:
            raise InputError(f"model.proposals.max_prompts={max_prompts} is not at least 1")
        if not 0 <= focus < 1:
            raise InputError(f"model.proposals.focus={focus} is not in [0, 1): 0 spreads prompts evenly")
        self.max_prompts = max_prompts
        self.focus = focus
        self.min_iou = min_iou

    needs_segmenter = True
    question = None  # depends on where the classes are seen

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """At most ``max_prompts`` proposals, where the image matches best first; none without a class."""
        assert embedding is not None
        points = self.points(patches.similarity, segmenter.image_size)
        labels = torch.ones(len(points), 1, dtype=torch.int32)
        return segmenter.decode(embedding, Prompts(points[:, None], labels), min_iou=self.min_iou)

    def points(self, similarity: Tensor, image_size: int) -> Tensor:
        """Prompts ``(n, 2)``, ``x y`` in pixels of the square, on the CPU.

        Args:
            similarity: ``(K, h, w)`` cosine of every patch with every class prototype.
            image_size: side of the square.
        """
        candidates = grid_points(CANDIDATES_PER_SIDE, image_size)
        if not len(similarity):
            return candidates[:0]
        weights = 1 / (1 - self.focus * evidence(similarity).cpu())
        return candidates[spread_points(candidates, weights, self.max_prompts)]


def evidence(similarity: Tensor) -> Tensor:
    """Rank in [0, 1] of every candidate by its best cosine with any class; ``(K, h, w)`` to ``(N,)``.

    Ranks, because the level and the spread of cosines differ between encoders.
    """
    side = (CANDIDATES_PER_SIDE, CANDIDATES_PER_SIDE)
    best = similarity.float().amax(dim=0)[None, None]
    best = F.interpolate(best, side, mode="bilinear", align_corners=False, antialias=True).flatten()
    return best.argsort(stable=True).argsort().float() / (len(best) - 1)
