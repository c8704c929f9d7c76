"""Regions of a class become instances: connected parts, and parts that only a narrow neck joins."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

FINER = 4  # times the patch grid, on which depths are measured
NEIGHBOURS = np.ones((3, 3))  # parts that touch at a corner are one
LEVELS = 2**16 - 1  # of depth, for the watershed


def split_region(region: Tensor, similarity: Tensor, neck: float) -> Tensor:
    """Split the region of a class into instances.

    Connected parts come apart. A part is cut further by a watershed on the depth of its patches, weighed by
    their similarity to the class: two summits stay together unless the saddle between them is lower than
    ``neck`` times the lower summit.

    Args:
        region: ``(h, w)`` bool.
        similarity: ``(h, w)`` cosine of every patch with the class prototype.
        neck: in [0, 1]; 0 never cuts a connected part, 1 cuts at every saddle.

    Returns:
        ``(n, h, w)`` bool, disjoint, their union is the region; the largest first.
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
    """Cut a connected part ``(h, w)`` at its necks."""
    height = _heights(part, similarity)
    summits = (height == ndimage.maximum_filter(height, size=2 * FINER + 1)) & (height > 0)
    markers, count = ndimage.label(summits, NEIGHBOURS)
    if count < 2:
        return [part]
    depth = (LEVELS * (1 - height / height.max())).astype(np.uint16)
    basins = ndimage.watershed_ift(depth, markers.astype(np.int32), NEIGHBOURS) * (height > 0)
    basins = _joined(basins, height, neck)
    return _on_patches(basins, part)


def _heights(part: NDArray[np.bool_], similarity: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distance to the outside on a finer grid, times the similarity relative to the best."""
    finer = np.kron(part, np.ones((FINER, FINER), dtype=bool))
    padded = np.pad(finer, 1, mode="edge")  # the border of the image is no outside
    depth = ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
    shape = [FINER * side for side in part.shape]
    smooth = F.interpolate(
        torch.from_numpy(similarity)[None, None], shape, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    best = float(similarity[part].max())
    weight = np.clip(smooth / best, 0, 1) if best > 0 else 1.0
    heights: NDArray[np.float64] = depth * weight * finer
    return heights


def _joined(basins: NDArray[np.int32], height: NDArray[np.float64], neck: float) -> NDArray[np.int32]:
    """Join basins, the highest saddle first, while it is at least ``neck`` times the lower summit."""
    while True:
        summits = {k: height[basins == k].max() for k in np.unique(basins[basins > 0])}
        pairs = {
            pair: saddle
            for pair, saddle in _saddles(basins, height).items()
            if saddle >= neck * min(summits[pair[0]], summits[pair[1]])
        }
        if not pairs:
            return basins
        first, second = max(pairs, key=lambda pair: pairs[pair])
        basins = np.where(basins == second, first, basins)


def _saddles(basins: NDArray[np.int32], height: NDArray[np.float64]) -> dict[tuple[int, int], float]:
    """The highest way between each two basins that touch."""
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


def _on_patches(basins: NDArray[np.int32], part: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Give each patch of a part to the basin that covers most of it; a basin without a patch is no part."""
    names = np.unique(basins[basins > 0])
    h, w = part.shape
    shares = np.stack([(basins == name).reshape(h, FINER, w, FINER).sum((1, 3)) for name in names])
    owner = shares.argmax(axis=0)
    parts = [part & (owner == index) for index in range(len(names))]
    return [each for each in parts if each.any()]
