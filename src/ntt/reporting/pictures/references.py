"""The examples that a run was given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import AbstractPathEffect, withStroke
from torch import Tensor

from ntt.reporting.pictures.canvas import DPI, Pixels, class_colour, resize, save, to_pixels
from ntt.structures import Prompt, Reference

TILE = 96  # pixels
EDGE = 3  # white pixels around a picture in its tile
INNER = TILE - 2 * EDGE
SHOTS_SHOWN = 5
CLASSES_A_COLUMN = 10
NAME_WIDTH = 150  # pixels
CAPTION = "Dashed boxes, + and \N{MINUS SIGN} were given; the segmenter made the outlines from them."
CONTRAST: list[AbstractPathEffect] = [withStroke(linewidth=3, foreground="black")]


@dataclass(frozen=True)
class _Tile:
    """A square around an instance; ``left``, ``top`` and ``side`` are the square's in the picture."""

    pixels: Pixels
    prompt: Prompt | None
    left: int
    top: int
    side: int


def draw_references(path: Path, references: Iterable[Reference], class_names: Sequence[str]) -> None:
    """A row per class: its name and its first references, cut out around the mask, which is outlined.

    Where the mask was made of a box or points, these are drawn too and a caption says so.

    Args:
        path: the PNG to write.
        references: of all classes, in any order, with their masks.
        class_names: in the order of the labels.
    """
    tiles: list[list[_Tile]] = [[] for _ in class_names]
    for reference in references:
        if len(tiles[reference.label]) < SHOTS_SHOWN:
            tiles[reference.label].append(_tile(reference))
    shots = max((len(row) for row in tiles), default=1) or 1
    blocks = -(-len(class_names) // CLASSES_A_COLUMN)
    rows = min(len(class_names), CLASSES_A_COLUMN)
    block_width = NAME_WIDTH + shots * TILE

    sheet = np.full((rows * TILE, blocks * block_width, 3), 255, np.uint8)
    figure = Figure(figsize=(sheet.shape[1] / DPI, sheet.shape[0] / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for label, name in enumerate(class_names):
        block, row = divmod(label, CLASSES_A_COLUMN)
        left, top = block * block_width, row * TILE
        x, y = left + NAME_WIDTH - 12, top + TILE / 2
        axes.text(x, y, name, ha="right", va="center", fontsize=13, wrap=True, parse_math=False)
        for shot, tile in enumerate(tiles[label]):
            start, above = left + NAME_WIDTH + shot * TILE + EDGE, top + EDGE
            sheet[above : above + INNER, start : start + INNER] = tile.pixels
            _draw_prompt(axes, tile, start, above)
    if any(tile.prompt for row in tiles for tile in row):
        axes.text(EDGE, rows * TILE + EDGE, CAPTION, va="top", fontsize=9, wrap=True)
    axes.imshow(sheet, interpolation="nearest")
    save(figure, path)


def _draw_prompt(axes: Axes, tile: _Tile, left: int, top: int) -> None:
    """Draw on the sheet what the mask of a tile was made of, if it was made."""
    prompt, scale = tile.prompt, INNER / tile.side
    if prompt is None:
        return

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (x - tile.left) * scale - 0.5, top + (y - tile.top) * scale - 0.5

    if prompt.box is not None:
        (x1, y1), (x2, y2) = place(*prompt.box[:2]), place(*prompt.box[2:])
        for colour, thickness, dashes in (("black", 2.0, "solid"), ("white", 1.2, "dashed")):
            axes.add_patch(
                Rectangle(
                    (x1, y1), x2 - x1, y2 - y1, fill=False, ec=colour, linewidth=thickness, linestyle=dashes
                )
            )
    for x, y, label in prompt.points:
        column, row = place(x, y)
        if left <= column < left + INNER and top <= row < top + INNER:
            axes.plot(column, row, "+" if label else "_", color="white", markersize=7, path_effects=CONTRAST)


def _tile(reference: Reference) -> _Tile:
    """A square around the instance, and around its box if it has one, with the mask's outline."""
    assert reference.mask is not None, "masks are made before"
    mask = reference.mask
    rows, columns = torch.nonzero(mask, as_tuple=True)
    corners = [int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())]
    if reference.prompt is not None and reference.prompt.box is not None:
        x1, y1, x2, y2 = map(int, reference.prompt.box)
        corners = [min(corners[0], x1), min(corners[1], y1), max(corners[2], x2), max(corners[3], y2)]
    side = int(1.2 * max(corners[2] - corners[0], corners[3] - corners[1])) + 3
    left, top = (corners[0] + corners[2] - side) // 2, (corners[1] + corners[3] - side) // 2
    image, square_mask = _square(reference.image, mask, left, top, side)
    pixels = to_pixels(resize(image, INNER, INNER))
    inside = resize(square_mask[None], INNER, INNER)[0] > 0.5
    pixels[_outline(inside)] = class_colour(reference.label)
    return _Tile(pixels, reference.prompt, left, top, side)


def _square(image: Tensor, mask: Tensor, left: int, top: int, side: int) -> tuple[Tensor, Tensor]:
    """Cut out a square; less at the border of the image, then padded white."""
    cut = (slice(max(top, 0), top + side), slice(max(left, 0), left + side))
    height, width = mask[cut].shape
    place = (slice(max(-top, 0), max(-top, 0) + height), slice(max(-left, 0), max(-left, 0) + width))
    square, square_mask = torch.ones(3, side, side), torch.zeros(side, side, dtype=torch.bool)
    square[:, place[0], place[1]] = image[:, cut[0], cut[1]]
    square_mask[place] = mask[cut]
    return square, square_mask


def _outline(inside: Tensor) -> np.ndarray:
    """Two pixels around the mask's edge."""
    grown = torch.nn.functional.max_pool2d(inside[None].float(), 3, stride=1, padding=1)[0] > 0
    shrunk = torch.nn.functional.max_pool2d(1 - inside[None].float(), 3, stride=1, padding=1)[0] > 0
    edge: np.ndarray = (grown & shrunk).numpy()
    return edge
