"""Object masks stored as images: white on black, with soft edges, or one number or colour per object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ntt.data.images import DEEP_MODES, opened, to_rgb
from ntt.errors import InputError

VOID = 255  # palette index of object borders in PASCAL VOC and DAVIS masks
WHITE = 255
DEEP_WHITE = 65535
MAX_COLOURS = 256  # an image with more colours is a photograph
MAX_OTHER_COLOUR = 0.25  # maximum share of bright pixels in other colours than most of them
MAX_BETWEEN = 0.5  # maximum share of the visible pixels between a quarter and three quarters of white
MAX_COVERED = 0.98  # maximum share of the image that a single object covers

Levels = NDArray[Any]


def read_masks(file: Path) -> Iterator[Tensor]:
    """Read the object masks in a mask image; black and transparent pixels are background.

    - Palette image: each index is an object, except 255, which marks borders.
    - RGB image with areas of constant colour: each colour is an object.
    - Grey image with the values 1, 2, 3, ..., or with areas of constant value: each value is an object.
    - Photograph with transparency: one object, the opaque pixels.
    - Any other image, and any JPEG: one object, the pixels of at least half the greatest brightness.

    Yields:
        ``(H, W)`` bool masks, never empty; none if there is no foreground.

    Raises:
        InputError: the file is missing or unreadable, is a photograph instead of a mask, or covers the whole
            image.
    """
    with opened(file) as stored:
        numbers = _object_numbers(stored, file)
    found = np.unique(numbers[numbers > 0])
    if len(found) == 1 and (numbers > 0).mean() > MAX_COVERED:
        raise InputError(
            f"{file}: the mask covers {(numbers > 0).mean():.0%} of the image; "
            "draw the object in white on a black background"
        )
    for number in found:
        yield torch.from_numpy(numbers == number)


def _object_numbers(image: Image.Image, file: Path) -> NDArray[np.int64]:
    """Return the object number of each pixel, ``(H, W)``; 0 is background."""
    colours = to_rgb(image, "black")
    grey = bool((colours == colours[:, :, :1]).all())
    lossy = image.format == "JPEG"
    if image.mode == "P" and not grey:
        indices = np.asarray(image).astype(np.int64)
        return np.where(colours.any(axis=2) & (indices != VOID), indices + 1, 0)
    if not grey and not lossy:
        packed = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        if len(np.unique(packed)) <= MAX_COLOURS and _are_object_numbers(packed):
            return packed
    if not grey and _is_colourful(colours):
        return _opaque_pixels(image, file)
    deep = image.mode in DEEP_MODES
    values = np.nan_to_num(np.asarray(image)).clip(min=0) if deep else colours.max(axis=2)
    if not grey or lossy or not _are_object_numbers(values):
        return _bright_pixels(values, file)
    return values.astype(np.int64)


def _opaque_pixels(image: Image.Image, file: Path) -> NDArray[np.int64]:
    """Mark the opaque pixels ``(H, W)`` of a photograph with 1."""
    if image.has_transparency_data:
        opacity = np.asarray(image.convert("RGBA"))[:, :, 3]
        if opacity.min() < WHITE / 2:
            return _bright_pixels(opacity, file)
    raise InputError(
        f"{file}: is a colour photograph, or has several colours with soft edges; "
        "draw the object in white on black, or each object in its own colour without soft edges"
    )


def _is_colourful(colours: NDArray[np.uint8]) -> bool:
    """Return whether the bright pixels of an image ``(H, W, 3)`` differ in colour from each other."""
    bright = colours[colours.max(axis=2) >= WHITE / 2].astype(np.int64)
    if not len(bright):
        return False
    far = np.abs(bright - np.median(bright, axis=0)).max(axis=1) > WHITE / 4
    return bool(far.mean() > MAX_OTHER_COLOUR)


def _are_object_numbers(values: Levels) -> bool:
    """Return whether each value ``(H, W)`` above 0 numbers an object.

    That is the case for the values 1, 2, 3, ..., for integers of more than 8 bits that do not reach white,
    and if most values fill areas: a pixel on a soft edge has neighbours of other values.
    """
    found = np.unique(values[values > 0])
    if (found != np.floor(found)).any():
        return False
    eight_bits = values.dtype == np.uint8
    if np.array_equal(found, np.arange(1, len(found) + 1)) and not (eight_bits and len(found) == WHITE):
        return True
    if not eight_bits and len(found) <= MAX_COLOURS and found.max(initial=0) < DEEP_WHITE:
        return True
    inner = values[1:-1, 1:-1]
    height, width = inner.shape
    flat = np.ones(inner.shape, dtype=bool)
    for row, column in np.ndindex(3, 3):
        flat &= values[row : row + height, column : column + width] == inner
    solid = np.unique(inner[flat & (inner > 0)])
    return 2 * len(solid) > len(found)


def _bright_pixels(values: Levels, file: Path) -> NDArray[np.int64]:
    """Mark pixels ``(H, W)`` of at least half the greatest value with 1."""
    white = float(values.max(initial=0))
    if white == 0:
        return np.zeros(values.shape, dtype=np.int64)
    visible = values >= white / 4
    between = visible & (values < 3 * white / 4)
    if between.sum() > MAX_BETWEEN * visible.sum():
        raise InputError(
            f"{file}: is a photograph or depth map, not a mask: most pixels are neither black nor white; "
            "draw the object in white on black"
        )
    return (values >= white / 2).astype(np.int64)
