"""Proposals from a limited number of prompts, placed by similarity to the references."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.matching.patches import Patches
from ntt.options import AtLeastOne, BelowOne, checked
from ntt.proposals.grid import grid_points
from ntt.segmenters.base import ImageEmbedding, Prompts, Proposals, Segmenter

CANDIDATES_PER_SIDE = 32  # candidate positions are the paper's point grid
HALVINGS = 10  # bisection steps for the spacing; the final interval is a thousandth of the first


class GuidedProposals:
    """Prompt the segmenter where patch features are similar to a class.

    Prompts are points of the paper's grid: first the peaks of the similarity to the nearest class, then
    points of decreasing similarity, dense where a class matches and sparse elsewhere. The last points fill
    the largest gaps, to cover objects that the features miss.

    Args:
        max_prompts: maximum number of prompts; trades recall against time.
        focus: how much closer prompts are at the best match than at the worst, in [0, 1): 0 spreads prompts
            evenly, 0.9 places them ten times as close.
        min_iou: masks with a predicted IoU not above this threshold are dropped.

    Raises:
        InputError: an option is out of range.
    """

    @checked
    def __init__(self, max_prompts: AtLeastOne, focus: BelowOne, min_iou: float) -> None:
        self.max_prompts = max_prompts
        self.focus = focus
        self.min_iou = min_iou

    needs_segmenter = True
    cache_key = None  # prompts depend on the similarity maps

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """Return at most ``max_prompts`` proposals, best match first; none without classes."""
        assert embedding is not None
        points = self.points(patches.similarity, segmenter.image_size)
        labels = torch.ones(len(points), 1, dtype=torch.int32)
        return segmenter.decode(embedding, Prompts(points[:, None], labels), min_iou=self.min_iou)

    def points(self, similarity: Tensor, image_size: int) -> Tensor:
        """Choose prompts ``(n, 2)``, ``x y`` in pixels of the square input, on the CPU.

        Args:
            similarity: ``(K, h, w)`` cosine of every patch with every class prototype.
            image_size: side of the square input in pixels.
        """
        candidates = grid_points(CANDIDATES_PER_SIDE, image_size)
        if not len(similarity):
            return candidates[:0]
        weights = 1 / (1 - self.focus * evidence(similarity).cpu())
        return candidates[spread_points(candidates, weights, self.max_prompts)]


def evidence(similarity: Tensor) -> Tensor:
    """Rank every candidate in [0, 1] by its best cosine with any class; ``(K, h, w)`` to ``(N,)``.

    Ranks are used because level and spread of cosines differ between encoders.
    """
    side = (CANDIDATES_PER_SIDE, CANDIDATES_PER_SIDE)
    best = similarity.float().amax(dim=0)[None, None]
    best = F.interpolate(best, side, mode="bilinear", align_corners=False, antialias=True).flatten()
    return best.argsort(stable=True).argsort().float() / (len(best) - 1)


def spread_points(points: Tensor, weights: Tensor, number: int) -> Tensor:
    """Sample points by decreasing weight with greedy variable-radius Poisson-disc sampling.

    A point is chosen if its weight times its distance to every point chosen before is at least the spacing.
    The spacing is the smallest one that chooses at most ``number`` points. Points of high weight come first;
    the last points fill the largest gaps.

    Args:
        points: ``(N, 2)`` on the CPU.
        weights: ``(N,)`` above 0; doubling the weight halves the distance between points.
        number: maximum number of chosen points.

    Returns:
        Indices of the chosen points, ``(n,)`` int64, by decreasing weight.
    """
    order = weights.argsort(descending=True, stable=True)
    distances = torch.cdist(points[order], points[order]) * weights[order, None]
    low, high = 0.0, float(distances.max()) * 1.001 + 1e-6
    chosen = _take(distances, high)
    if number >= len(points):
        return order
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = _take(distances, middle)
        if len(found) > number:
            low = middle
        else:
            high, chosen = middle, found
    return order[chosen]


def _take(distances: Tensor, spacing: float) -> Tensor:
    """Choose rows in order; each chosen row excludes later ones that are closer than the spacing."""
    near = distances < spacing  # near[i, j]: i is too close to j
    free = torch.ones(len(distances), dtype=torch.bool)
    taken: list[int] = []
    index = 0
    while index < len(distances):
        taken.append(index)
        free &= ~near[:, index]
        free[: index + 1] = False
        index = int(free.int().argmax()) if bool(free.any()) else len(distances)
    return torch.tensor(taken, dtype=torch.int64)
