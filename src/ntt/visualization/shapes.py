"""Drawing of masks: crop to their boxes, tint and outline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from torch import Tensor

from ntt.visualization.canvas import RGB, Pixels, resize_pixels

OPACITY = 0.35
DARK: RGB = (16, 16, 16)
SMOOTH_ZOOM = 3.0  # above this zoom, lines are thick enough to omit antialiasing, which is slow
SIDES_PER_LINE = 8  # the coloured line is at most 1/8 of the shorter side of a mask


@dataclass(frozen=True)
class Shape:
    """Mask cropped to its box, so that the rest of the image needs no computation.

    Attributes:
        inside: ``(h, w)`` uint8, 1 on the object and 0 elsewhere; no pixels if the mask is empty.
        left: First image column of the box.
        top: First image row of the box.
    """

    inside: Pixels
    left: int
    top: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """``x1 y1 x2 y2`` in image pixels; right and bottom are exclusive."""
        height, width = self.inside.shape
        return self.left, self.top, self.left + width, self.top + height

    @cached_property
    def area(self) -> int:
        """Area of the mask in pixels."""
        return int(np.count_nonzero(self.inside))

    def covered(self, box: Sequence[int]) -> int:
        """Count the mask pixels inside the image box ``x1 y1 x2 y2``."""
        x1, y1, x2, y2 = box
        rows = slice(max(y1 - self.top, 0), max(y2 - self.top, 0))
        return int(np.count_nonzero(self.inside[rows, max(x1 - self.left, 0) : max(x2 - self.left, 0)]))

    def of(self, scene: Pixels) -> Pixels:
        """Return the part of an image ``(H, W, 3)`` inside the box, as a view."""
        x1, y1, x2, y2 = self.box
        return scene[y1:y2, x1:x2]


def shapes_of(masks: Iterable[Tensor], height: int, width: int) -> list[Shape]:
    """Resize masks ``(H, W)`` bool to ``height`` x ``width`` pixels and crop them to their boxes."""
    return [_shape(mask.cpu().numpy().view(np.uint8), height, width) for mask in masks]


def _shape(mask: Pixels, height: int, width: int) -> Shape:
    """Return the shape of a binary mask ``(H, W)``; a mask that resizes to nothing becomes one pixel."""
    resized = mask if mask.shape == (height, width) else resize_pixels(mask, height, width)
    left, top, w, h = cv2.boundingRect(resized)
    if w:
        return Shape(np.ascontiguousarray(resized[top : top + h, left : left + w]), left, top)
    x, y, w, h = cv2.boundingRect(mask)
    left, top = int((x + w / 2) * width / mask.shape[1]), int((y + h / 2) * height / mask.shape[0])
    return Shape(np.ones((min(h, 1), min(w, 1)), np.uint8), left, top)


def tint(scene: Pixels, shapes: Sequence[Shape], colours: Sequence[RGB]) -> None:
    """Tint the masks on an image ``(H, W, 3)`` in place, largest first to keep small ones visible."""
    for shape, colour in sorted(zip(shapes, colours, strict=True), key=lambda pair: -pair[0].area):
        if shape.area:
            part = shape.of(scene)
            cv2.copyTo(cv2.LUT(part, _tinted(colour)), shape.inside, part)


def _tinted(colour: RGB) -> Pixels:
    """Return the lookup table ``(1, 256, 3)`` that blends each channel value with a colour."""
    values = np.arange(256)[None, :, None]
    return ((1 - OPACITY) * values + OPACITY * np.array(colour)).round().astype(np.uint8)


def outline(scene: Pixels, shapes: Sequence[Shape], colours: Sequence[RGB], zoom: float) -> None:
    """Outline each mask in place with a coloured line on a wider dark one, visible on any background.

    Args:
        scene: ``(H, W, 3)`` uint8.
        shapes: Shapes at the size of the scene; small masks get thinner lines.
        colours: Colour of each shape.
        zoom: Scene size relative to the display size.
    """
    smooth = cv2.LINE_AA if zoom <= SMOOTH_ZOOM else cv2.LINE_8
    for shape, colour in zip(shapes, colours, strict=True):
        if not shape.area:
            continue
        contours, _ = cv2.findContours(
            shape.inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(shape.left, shape.top)
        )
        line = max(1, min(round(2 * zoom), min(shape.inside.shape) // SIDES_PER_LINE))
        edge = max(1, min(round(zoom), line))
        cv2.drawContours(scene, contours, -1, DARK, line + 2 * edge, smooth)
        cv2.drawContours(scene, contours, -1, colour, line, smooth)
