"""Spreading points: dense where they are wanted, sparse elsewhere, nowhere twice."""

from __future__ import annotations

import torch
from torch import Tensor

HALVINGS = 10  # of the interval that the spacing is searched in; leaves a thousandth of it


def spread_points(points: Tensor, weights: Tensor, number: int) -> Tensor:
    """Choose points by falling weight, each at a distance from those before it that its weight shortens.

    Greedy Poisson-disc sampling with a radius that varies: a point is taken if its weight times its distance
    to every one taken before is at least the spacing, and the spacing is the smallest that takes no more than
    ``number``. Peaks of the weight are taken first, the last points fill the largest gaps.

    Args:
        points: ``(N, 2)`` on the CPU.
        weights: ``(N,)`` above 0; where it is twice as large, points come twice as close.
        number: at most so many are chosen.

    Returns:
        Indices of the chosen, ``(n,)`` int64, by falling weight.
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
    """Rows taken one by one, each of which strikes out the later ones that are nearer than the spacing."""
    near = distances < spacing  # near[i, j]: with j taken, i is too close
    free = torch.ones(len(distances), dtype=torch.bool)
    taken: list[int] = []
    index = 0
    while index < len(distances):
        taken.append(index)
        free &= ~near[:, index]
        free[: index + 1] = False
        index = int(free.int().argmax()) if bool(free.any()) else len(distances)
    return torch.tensor(taken, dtype=torch.int64)
