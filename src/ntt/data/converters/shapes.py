"""Object shapes in COCO format; coordinates are rounded to 0.001 pixels.

All functions raise ValueError for shapes that ``dataset=custom`` would reject.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from ntt.data.images import Size
from ntt.data.masks import Rle, encode_mask, encode_segmentation, mask_area, mask_box
from ntt.data.prompts import read_box, read_points


def box_shape(corners: Iterable[float], size: Size) -> dict[str, Any]:
    """Convert a box ``x1 y1 x2 y2``, clipped to the image."""
    x1, y1, x2, y2 = map(float, corners)
    try:
        x1, y1, x2, y2 = read_box([x1, y1, x2 - x1, y2 - y1], *size)
    except ValueError as error:
        raise ValueError(f"box {error}") from None
    box = _rounded([x1, y1, x2 - x1, y2 - y1])
    return {"bbox": box, "area": round(box[2] * box[3], 3)}


def outline_shape(polygons: Sequence[Sequence[float]], size: Size) -> dict[str, Any]:
    """Convert the polygons of one object, each ``x1 y1 x2 y2 ...``."""
    outline = [_rounded(polygon) for polygon in polygons]
    try:
        mask = encode_segmentation(outline, *size)
    except ValueError as error:
        raise ValueError(f"object {error}") from None
    return {"segmentation": outline, **_extent(mask)}


def mask_shape(mask: Tensor) -> dict[str, Any]:
    """Convert a mask, ``(H, W)`` bool, to run lengths."""
    rle = encode_mask(mask)
    return {"segmentation": {"size": rle["size"], "counts": rle["counts"].decode()}, **_extent(rle)}


def points_shape(points: Sequence[Sequence[float]], size: Size) -> dict[str, Any]:
    """Convert points ``x y`` on the object."""
    try:
        found = read_points([[*map(float, point)] for point in points], *size)
    except ValueError as error:
        raise ValueError(f"point {error}") from None
    return {"points": [[*_rounded((x, y)), label] for x, y, label in found]}


def _extent(mask: Rle) -> dict[str, Any]:
    if mask_area(mask) == 0:
        raise ValueError("object covers no pixel of the image")
    return {"bbox": mask_box(mask), "area": mask_area(mask)}


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(float(number), 3) for number in numbers]
