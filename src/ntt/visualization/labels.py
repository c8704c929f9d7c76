"""Placement and drawing of instance labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from ntt.visualization.canvas import RGB, Pixels, text_colour
from ntt.visualization.shapes import Shape

Box = tuple[int, int, int, int]  # x1 y1 x2 y2 in pixels
MOST_COVERED = 0.4  # maximum fraction of a mask that a label may hide
MOST_LABELS = 30  # draw no labels for more instances, because they would hide the image
FEW = 10  # use the largest font only for up to this many instances
SCALES = (0.5, 0.42, 0.35)  # OpenCV font scales at display size
WIDER_THAN_MASK = 1.4  # labels wider than this multiple of their mask use a smaller font
PADDING = 7.0  # pixels around the text at scale 1
PLACE_COST = 0.02  # penalty per rank of a candidate position, in hidden fraction of a mask
SCORE = re.compile(r" [01]\.\d\d$")


@dataclass(frozen=True)
class Label:
    """A placed label.

    Attributes:
        index: Index of the instance.
        text: Text of the label.
        scale: OpenCV font scale.
        box: Box of the background.
    """

    index: int
    text: str
    scale: float
    box: Box


def place_labels(
    shapes: Sequence[Shape], texts: Sequence[str], height: int, width: int, zoom: float
) -> list[Label]:
    """Place a label at each mask, inside the image, without overlapping labels or hiding much of a mask.

    If there is no such position, the font shrinks, then the score is dropped, then the label is omitted.

    Args:
        shapes: Shapes of the instances, in order of priority.
        texts: Text of each label, "name" or "name 0.87".
        height: Image height in pixels.
        width: Image width in pixels.
        zoom: Image size relative to the display size.
    """
    placed: list[Label] = []
    if len(shapes) > MOST_LABELS:
        return placed
    boxes = np.array([shape.box for shape in shapes]).reshape(-1, 4)
    areas = np.array([max(shape.area, 1) for shape in shapes])
    for index, (shape, text) in enumerate(zip(shapes, texts, strict=True)):
        for written, scale, size in _ways(text, shape, zoom, len(shapes)):
            taken = np.array([label.box for label in placed]).reshape(-1, 4)
            free = [
                (rank, box)
                for rank, box in enumerate(_places(shape, size, height, width))
                if not _overlaps(box, taken).any()
            ]
            costs = {box: rank * PLACE_COST + _hidden(box, index, shape, boxes, areas) for rank, box in free}
            costs = {box: cost for box, cost in costs.items() if np.isfinite(cost)}
            if costs:
                placed.append(Label(index, written, scale, min(costs, key=lambda box: costs[box])))
                break
    return placed


def draw_labels(scene: Pixels, labels: Sequence[Label], colours: Sequence[RGB], zoom: float) -> None:
    """Draw labels on an RGB image ``(H, W, 3)`` in place, with black or white text on their colours."""
    for scale in sorted({label.scale for label in labels}):
        written = [label for label in labels if label.scale == scale]
        backgrounds = [colours[label.index] for label in written]
        writer = sv.LabelAnnotator(
            color=_palette(backgrounds),
            text_color=_palette([text_colour(colour) for colour in backgrounds]),
            color_lookup=sv.ColorLookup.INDEX,
            text_scale=scale,
            text_thickness=_thickness(zoom),
            text_padding=_padding(scale),
            text_position=sv.Position.TOP_LEFT,
        )
        # supervision draws above the anchor, so the anchor is the lower left corner of the background.
        anchors = [(x1, y2, x2, y2) for x1, _, x2, y2 in (label.box for label in written)]
        detections = sv.Detections(xyxy=np.array(anchors, np.float32), class_id=np.zeros(len(written), int))
        writer.annotate(scene, detections, labels=[label.text for label in written])


def text_size(text: str, scale: float, zoom: float) -> tuple[int, int]:
    """Return width and height of the background of a label in pixels."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, _thickness(zoom))
    return width + 2 * _padding(scale), height + 2 * _padding(scale)


def _thickness(zoom: float) -> int:
    return max(1, round(zoom))


def _padding(scale: float) -> int:
    return max(2, round(PADDING * scale))


def _palette(colours: Sequence[RGB]) -> sv.ColorPalette:
    """Convert colours for drawing on an RGB image: supervision assumes BGR, so swap red and blue."""
    return sv.ColorPalette([sv.Color(blue, green, red) for red, green, blue in colours])


def _ways(text: str, shape: Shape, zoom: float, count: int) -> Iterator[tuple[str, float, tuple[int, int]]]:
    """Yield candidate texts with font scale and size in pixels, best first."""
    scales = [scale * zoom for scale in (SCALES if count <= FEW else SCALES[1:])]
    widest = WIDER_THAN_MASK * shape.inside.shape[1]
    for written in dict.fromkeys((text, SCORE.sub("", text))):
        sizes = {scale: text_size(written, scale, zoom) for scale in scales}
        suitable = [scale for scale in scales if sizes[scale][0] <= widest] or scales[-1:]
        for scale in suitable:
            yield written, scale, sizes[scale]


def _places(shape: Shape, size: tuple[int, int], height: int, width: int) -> list[Box]:
    """Return candidate label boxes on or next to a mask, inside the image, in order of preference."""
    w, h = size
    if not shape.area or w > width or h > height:
        return []
    x1, y1, x2, y2 = shape.box
    upper, lower = (x1 + _middle(shape.inside[row]) for row in (0, -1))
    left, right = (y1 + _middle(shape.inside[:, column]) for column in (0, -1))
    corners = [
        (upper - w // 2, y1 - h),
        (upper - w // 2, y1),
        (upper - w, y1 - h),
        (upper, y1 - h),
        (upper - w, y1),
        (upper, y1),
        (lower - w // 2, y2),
        (x2, right - h // 2),
        (x1 - w, left - h // 2),
        ((x1 + x2 - w) // 2, (y1 + y2 - h) // 2),
        (lower - w // 2, y2 - h),
    ]
    inside = [(min(max(x, 0), width - w), min(max(y, 0), height - h)) for x, y in corners]
    return [(x, y, x + w, y + h) for x, y in inside]


def _middle(line: Pixels) -> int:
    """Return the median position of the nonzero pixels in a row or column."""
    return int(np.median(np.flatnonzero(line)))


def _overlaps(box: Box, others: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return the intersection of a box with each of ``(N, 4)`` boxes in pixels."""
    widths = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    heights = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    overlaps: NDArray[np.int_] = widths.clip(0) * heights.clip(0)
    return overlaps


def _hidden(box: Box, index: int, shape: Shape, boxes: NDArray[np.int_], areas: NDArray[np.int_]) -> float:
    """Return the largest fraction of any mask that a label hides; infinite above ``MOST_COVERED``.

    Other masks are approximated by their boxes, which gives an upper bound.
    """
    shares = _overlaps(box, boxes) / areas
    shares[index] = shape.covered(box) / areas[index]
    most = float(shares.max())
    return most if most <= MOST_COVERED else float("inf")
