"""Shapes of objects as COCO annotations have them; numbers are rounded to a thousandth of a pixel.

All raise ValueError with what is wrong: what ``dataset=custom`` would not read is not written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from ntt.data.images import Size
from ntt.data.masks import Rle, encode_mask, encode_segmentation, mask_area, mask_box
from ntt.data.prompts import read_box, read_points


def box_shape(corners: Iterable[float], size: Size) -> dict[str, Any]:
    """A box, from ``x1 y1 x2 y2``; what strays over the edge of the picture is cut off."""
    x1, y1, x2, y2 = map(float, corners)
    try:
        x1, y1, x2, y2 = read_box([x1, y1, x2 - x1, y2 - y1], *size)
    except ValueError as error:
        raise ValueError(f"box {error}") from None
    box = _rounded([x1, y1, x2 - x1, y2 - y1])
    return {"bbox": box, "area": round(box[2] * box[3], 3)}


def outline_shape(polygons: Sequence[Sequence[float]], size: Size) -> dict[str, Any]:
    """Polygons, each ``x1 y1 x2 y2 ...``, that make one object together."""
    outline = [_rounded(polygon) for polygon in polygons]
    try:
        mask = encode_segmentation(outline, *size)
    except ValueError as error:
        raise ValueError(f"object {error}") from None
    return {"segmentation": outline, **_extent(mask)}


def mask_shape(mask: Tensor) -> dict[str, Any]:
    """A mask, ``(H, W)`` bool, as run lengths."""
    rle = encode_mask(mask)
    return {"segmentation": {"size": rle["size"], "counts": rle["counts"].decode()}, **_extent(rle)}


def points_shape(points: Sequence[Sequence[float]], size: Size) -> dict[str, Any]:
    """Points ``x y`` on the object."""
    try:
        found = read_points([[*map(float, point)] for point in points], *size)
    except ValueError as error:
        raise ValueError(f"point {error}") from None
    return {"points": [[*_rounded((x, y)), label] for x, y, label in found]}


def _extent(mask: Rle) -> dict[str, Any]:
    if mask_area(mask) == 0:
        raise ValueError("object covers no pixel of the picture")
    return {"bbox": mask_box(mask), "area": mask_area(mask)}


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(float(number), 3) for number in numbers]
