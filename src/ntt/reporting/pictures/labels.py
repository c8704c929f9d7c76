"""Labels of instances: where they go, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from ntt.reporting.pictures.canvas import RGB, Pixels, text_colour
from ntt.reporting.pictures.shapes import Shape

Box = tuple[int, int, int, int]  # x1 y1 x2 y2 in pixels

MOST_COVERED = 0.4  # share of a mask that a label may hide
MOST_LABELS = 30  # with more instances, labels would hide the image
FEW = 10  # instances, whose labels may be large
SCALES = (0.5, 0.42, 0.35)  # of OpenCV's font, at the usual size of an image
WIDER_THAN_MASK = 1.4  # labels that exceed the width of their mask by more are written smaller
PADDING = 7.0  # pixels around the text at scale 1
PLACE_COST = 0.02  # of each further place, in shares of a mask that a label hides there
SCORE = re.compile(r" [01]\.\d\d$")


@dataclass(frozen=True)
class Label:
    """A text and its place.

    Attributes:
        index: of the instance.
        text: what is written.
        scale: of OpenCV's font.
        box: of the background.
    """

    index: int
    text: str
    scale: float
    box: Box


def place_labels(
    shapes: Sequence[Shape], texts: Sequence[str], height: int, width: int, zoom: float
) -> list[Label]:
    """Attach a label to each mask: within the image, clear of other labels, hiding little of any mask.

    Where there is no such place, the text becomes smaller, then loses its score, and is left out in the end.

    Args:
        shapes: of the instances; the first choose first.
        texts: of each, "name" or "name 0.87".
        height: of the image in pixels.
        width: of the image in pixels.
        zoom: how many times the usual size the image is.
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
    """Write labels on an RGB image ``(H, W, 3)`` in place, black or white on their colours."""
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
        # supervision writes above the anchor: that is the lower left corner of the background.
        anchors = [(x1, y2, x2, y2) for x1, _, x2, y2 in (label.box for label in written)]
        detections = sv.Detections(xyxy=np.array(anchors, np.float32), class_id=np.zeros(len(written), int))
        writer.annotate(scene, detections, labels=[label.text for label in written])


def text_size(text: str, scale: float, zoom: float) -> tuple[int, int]:
    """Width and height of the background of a text, in pixels."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, _thickness(zoom))
    return width + 2 * _padding(scale), height + 2 * _padding(scale)


def _thickness(zoom: float) -> int:
    return max(1, round(zoom))


def _padding(scale: float) -> int:
    return max(2, round(PADDING * scale))


def _palette(colours: Sequence[RGB]) -> sv.ColorPalette:
    """Colours for an RGB image; supervision writes blue first, so red and blue change places."""
    return sv.ColorPalette([sv.Color(blue, green, red) for red, green, blue in colours])


def _ways(text: str, shape: Shape, zoom: float, count: int) -> Iterator[tuple[str, float, tuple[int, int]]]:
    """Texts, their scales and sizes in pixels, best first."""
    scales = [scale * zoom for scale in (SCALES if count <= FEW else SCALES[1:])]
    widest = WIDER_THAN_MASK * shape.inside.shape[1]
    for written in dict.fromkeys((text, SCORE.sub("", text))):
        sizes = {scale: text_size(written, scale, zoom) for scale in scales}
        suitable = [scale for scale in scales if sizes[scale][0] <= widest] or scales[-1:]
        for scale in suitable:
            yield written, scale, sizes[scale]


def _places(shape: Shape, size: tuple[int, int], height: int, width: int) -> list[Box]:
    """Backgrounds that touch a mask or lie on it, within the image: on its top first."""
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
    """Of the ones in a row or column."""
    return int(np.median(np.flatnonzero(line)))


def _overlaps(box: Box, others: NDArray[np.int_]) -> NDArray[np.int_]:
    """Pixels that a box shares with each of ``(N, 4)``."""
    widths = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    heights = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    overlaps: NDArray[np.int_] = widths.clip(0) * heights.clip(0)
    return overlaps


def _hidden(box: Box, index: int, shape: Shape, boxes: NDArray[np.int_], areas: NDArray[np.int_]) -> float:
    """Share of the mask that a label hides most of; infinite if that is too much.

    Of the other masks, only the boxes are looked at: they hide at most so much.
    """
    shares = _overlaps(box, boxes) / areas
    shares[index] = shape.covered(box) / areas[index]
    most = float(shares.max())
    return most if most <= MOST_COVERED else float("inf")
