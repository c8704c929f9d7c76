"""Splitting of class regions into instances at gaps and narrow necks."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

FINER = 4  # depths are measured on a grid finer than the patch grid by this factor
NEIGHBOURS = np.ones((3, 3))  # eight-connectivity


def split_region(region: Tensor, similarity: Tensor, neck: float) -> Tensor:
    """Split the region of a class into instances.

    Each connected part is an instance or is cut further by a watershed on the depth of its patches, weighted
    by their similarity to the class: two summits are separated if the saddle between them is lower than
    ``neck`` times the lower summit.

    Args:
        region: ``(h, w)`` bool.
        similarity: ``(h, w)`` cosine of every patch with the class prototype.
        neck: in [0, 1]; 0 never cuts a connected part, 1 cuts at every saddle.

    Returns:
        ``(n, h, w)`` bool, disjoint masks whose union is the region, largest first.
    """
    inside = region.numpy(force=True)
    numbers, count = ndimage.label(inside, NEIGHBOURS)
    parts: list[NDArray[np.bool_]] = []
    for number in range(1, count + 1):
        part = numbers == number
        parts += _cut(part, similarity.float().numpy(force=True), neck) if neck else [part]
    parts.sort(key=lambda part: -int(part.sum()))
    stacked = np.stack(parts) if parts else np.zeros((0, *inside.shape), dtype=bool)
    return torch.from_numpy(stacked).to(region.device)


def _cut(part: NDArray[np.bool_], similarity: NDArray[np.float32], neck: float) -> list[NDArray[np.bool_]]:
    """Cut a connected part ``(h, w)`` at narrow necks."""
    height = _heights(part, similarity)
    basins = _joined(_basins(height), height, neck)
    return _on_patches(basins, part) if basins.any() else [part]


def _basins(height: NDArray[np.float64]) -> NDArray[np.int64]:
    """Assign each pixel the index, from 1, of the summit reached by steepest ascent; 0 where height is 0."""
    padded = np.pad(height, 1, constant_values=-1)
    places = np.pad(np.arange(height.size).reshape(height.shape), 1, constant_values=-1)
    up, best = places[1:-1, 1:-1].copy(), height.copy()
    for rows, columns in ((i, j) for i in range(3) for j in range(3)):
        near = np.s_[rows : rows + height.shape[0], columns : columns + height.shape[1]]
        higher = (padded[near] > best) | ((padded[near] == best) & (places[near] > up))
        up, best = np.where(higher, places[near], up), np.where(higher, padded[near], best)
    goal = up.ravel()
    while not np.array_equal(goal, goal[goal]):
        goal = goal[goal]
    inside = (height > 0).ravel()
    basins = np.zeros(height.size, dtype=np.int64)
    basins[inside] = np.unique(goal[inside], return_inverse=True)[1] + 1
    return basins.reshape(height.shape)


def _heights(part: NDArray[np.bool_], similarity: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute the distance to the outside on a finer grid, times the similarity relative to its maximum."""
    finer = np.kron(part, np.ones((FINER, FINER), dtype=bool))
    padded = np.pad(finer, 1, mode="edge")  # the image border does not count as outside
    depth = np.ones(finer.shape) if finer.all() else ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
    shape = [FINER * side for side in part.shape]
    smooth = F.interpolate(
        torch.from_numpy(similarity)[None, None], shape, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    best = float(similarity[part].max())
    weight = np.clip(smooth / best, 0, 1) if best > 0 else 1.0
    heights: NDArray[np.float64] = depth * weight * finer
    return heights


def _joined(basins: NDArray[np.int64], height: NDArray[np.float64], neck: float) -> NDArray[np.int64]:
    """Merge basins, highest saddle first, if the saddle is at least ``neck`` times the lower summit."""
    names = np.arange(basins.max() + 1)
    summits = ndimage.maximum(height, basins, names)
    saddles = _saddles(basins, height)
    for one, other in sorted(saddles, key=lambda pair: -saddles[pair]):
        low, high = sorted((names[one], names[other]), key=lambda name: float(summits[name]))
        if low != high and saddles[one, other] >= neck * summits[low]:
            names[names == low] = high
    joined: NDArray[np.int64] = names[basins]
    return joined


def _saddles(basins: NDArray[np.int64], height: NDArray[np.float64]) -> dict[tuple[int, int], float]:
    """Find the highest saddle between each pair of adjacent basins."""
    saddles: dict[tuple[int, int], float] = {}
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[1:, :-1], np.s_[:-1, 1:]),
    ):
        a, b = basins[here], basins[there]
        border = (a != b) & (a > 0) & (b > 0)
        ways = np.minimum(height[here], height[there])[border]
        for one, other, way in zip(a[border].tolist(), b[border].tolist(), ways.tolist(), strict=True):
            pair = (min(one, other), max(one, other))
            saddles[pair] = max(saddles.get(pair, 0.0), way)
    return saddles


def _on_patches(basins: NDArray[np.int64], part: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Assign each patch of a part to the basin that covers most of it; drop basins without patches.

    Pixels without a basin, which are dissimilar to the class, join the nearest basin.
    """
    nearest = ndimage.distance_transform_edt(basins == 0, return_distances=False, return_indices=True)
    basins = basins[tuple(nearest)]
    names = np.unique(basins[basins > 0])
    h, w = part.shape
    shares = np.stack([(basins == name).reshape(h, FINER, w, FINER).sum((1, 3)) for name in names])
    owner = shares.argmax(axis=0)
    parts = [part & (owner == index) for index in range(len(names))]
    return [each for each in parts if each.any()]
