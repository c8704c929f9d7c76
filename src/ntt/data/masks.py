"""COCO mask encodings: polygons, run lengths, and run lengths compressed into a string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.data.validation import is_number, shown

Rle = dict[str, Any]  # pycocotools' form: {"size": [height, width], "counts": bytes}

FIRST_CHARACTER = 48  # character code of the digit 0 in compressed run lengths
CHARACTERS = 64  # number of digits: five bits of the value and one continuation bit
MORE, SIGN, BITS = 0x20, 0x10, 5
LONGEST_NUMBER = 7  # characters
LONGEST_OUTLINE = 2**20  # pixels; pycocotools allocates about 100 bytes per pixel and crashes if that fails


def encode_segmentation(segmentation: Any, height: int, width: int) -> Rle:
    """Check and convert a COCO ``segmentation``.

    Args:
        segmentation: a list of polygons ``[x1, y1, x2, y2, ...]``, or ``{"size", "counts"}`` with ``counts``
            as a list of numbers or a string.
        height: image height in pixels.
        width: image width in pixels.

    Returns:
        The mask in pycocotools' form; an empty list of polygons gives an empty mask.

    Raises:
        ValueError: the segmentation is invalid. Without this check, pycocotools reads out of bounds.
    """
    if isinstance(segmentation, dict):
        return _from_runs(segmentation, height, width)
    if isinstance(segmentation, list):
        return _from_polygons(segmentation, height, width)
    raise ValueError("is neither a list of polygons nor an object with size and counts")


def encode_mask(mask: Tensor) -> Rle:
    """Encode a mask ``(H, W)`` bool as run lengths."""
    rle: Rle = coco_mask.encode(np.asfortranarray(mask.numpy(force=True).astype(np.uint8)))
    return rle


def json_mask(mask: Tensor) -> Rle:
    """Encode a mask ``(H, W)`` bool as run lengths for JSON, with a string instead of bytes."""
    rle = encode_mask(mask)
    return {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")}


def decode_mask(rle: Rle) -> Tensor:
    """Decode run lengths (bytes or string) to a mask ``(H, W)`` bool."""
    return torch.from_numpy(coco_mask.decode(rle)).bool()


def mask_area(rle: Rle) -> int:
    """Compute the mask area in pixels."""
    return int(coco_mask.area(rle))


def mask_box(rle: Rle) -> list[float]:
    """Compute the bounding box of a mask: x, y, width, height."""
    return [float(value) for value in coco_mask.toBbox(rle)]


def _from_polygons(polygons: list[Any], height: int, width: int) -> Rle:
    # Annotation tools sometimes leave points and lines among the polygons; they have no area.
    polygons = [p for p in polygons if not (isinstance(p, list) and len(p) in (0, 2, 4))] or polygons
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("has a polygon that is not a list of at least three x, y pairs")
        if not all(is_number(value) for value in polygon):
            raise ValueError("has a polygon with a coordinate that is not a number")
        # Polygons may extend slightly beyond the image; coordinates far outside are wrong or in another unit.
        if not all(-width <= x <= 2 * width for x in polygon[::2]):
            raise ValueError(f"has a polygon far outside the image, which is {width} pixels wide")
        if not all(-height <= y <= 2 * height for y in polygon[1::2]):
            raise ValueError(f"has a polygon far outside the image, which is {height} pixels high")
        if _may_be_long(polygon, height, width) and _outline(polygon) > LONGEST_OUTLINE:
            raise ValueError(f"has a polygon with an outline longer than {LONGEST_OUTLINE} pixels")
    if not polygons:
        return _from_runs({"size": [height, width], "counts": [height * width]}, height, width)
    parts: list[Rle] = coco_mask.frPyObjects(polygons, height, width)
    rle: Rle = coco_mask.merge(parts) if len(parts) > 1 else parts[0]
    return rle


def _may_be_long(polygon: list[float], height: int, width: int) -> bool:
    """Return whether the upper bound of the outline, three image sides per edge, exceeds the limit."""
    return len(polygon) // 2 * 3 * max(height, width) > LONGEST_OUTLINE


def _outline(polygon: list[float]) -> float:
    """Compute the outline length as pycocotools samples it: the longer of width and height of each edge."""
    points = np.array(polygon, dtype=np.float64).reshape(-1, 2)
    return float(np.abs(np.diff(points, axis=0, append=points[:1])).max(axis=1).sum())


def _from_runs(segmentation: dict[str, Any], height: int, width: int) -> Rle:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise ValueError(f"has size {shown(size)}, the image is [{height}, {width}] (height, width)")
    runs = decompress(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise ValueError("has counts that are not run lengths")
    if sum(runs) != height * width:
        total = shown(sum(runs))
        raise ValueError(f"has counts that add up to {total} pixels, the image has {height * width}")
    rle: Rle = coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return rle


def decompress(text: str) -> list[int]:
    """Decode a compressed string to run lengths.

    From the fourth run on, the string stores differences to the run two before.

    Raises:
        ValueError: the string contains an invalid character or is truncated.
    """
    runs: list[int] = []
    digits: list[int] = []
    for character in text:
        digit = ord(character) - FIRST_CHARACTER
        if not 0 <= digit < CHARACTERS:
            raise ValueError(
                f"has counts that are not compressed run lengths: invalid character {character!r}"
            )
        digits.append(digit)
        if len(digits) > LONGEST_NUMBER:
            raise ValueError("has counts with a number that has too many digits")
        if not digit & MORE:
            value = _signed(digits)
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            digits = []
    if digits:
        raise ValueError("has truncated counts")
    return runs


def _signed(digits: Sequence[int]) -> int:
    value = sum((digit & (MORE - 1)) << (BITS * place) for place, digit in enumerate(digits))
    return value - (1 << (BITS * len(digits))) if digits[-1] & SIGN else value
