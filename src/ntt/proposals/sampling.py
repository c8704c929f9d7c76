"""Sampling of points with spatially varying density."""

from __future__ import annotations

import torch
from torch import Tensor

HALVINGS = 10  # bisection steps for the spacing; the final interval is a thousandth of the first


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
