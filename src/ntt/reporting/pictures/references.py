"""The examples that a run was given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ntt.reporting.pictures.canvas import DPI, Pixels, class_colour, resize, save, to_pixels
from ntt.structures import Reference

TILE = 96  # pixels
SHOTS_SHOWN = 5
CLASSES_A_COLUMN = 10
NAME_WIDTH = 150  # pixels


def draw_references(path: Path, references: Iterable[Reference], class_names: Sequence[str]) -> None:
    """A row per class: its name and its first references, cut out around the mask, which is outlined.

    Args:
        path: the PNG to write.
        references: of all classes, in any order.
        class_names: in the order of the labels.
    """
    tiles: list[list[Pixels]] = [[] for _ in class_names]
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
        axes.text(
            left + NAME_WIDTH - 12, top + TILE / 2, name, ha="right", va="center", fontsize=13, wrap=True
        )
        for shot, tile in enumerate(tiles[label]):
            start = left + NAME_WIDTH + shot * TILE
            sheet[top : top + TILE, start : start + TILE] = tile
    axes.imshow(sheet, interpolation="nearest")
    save(figure, path)


def _tile(reference: Reference) -> Pixels:
    """A square around the instance with its outline, a white edge around it."""
    image, mask = _square(reference.image, reference.mask)
    inner = TILE - 6
    pixels = to_pixels(resize(image, inner, inner))
    inside = resize(mask[None], inner, inner)[0] > 0.5
    pixels[_outline(inside)] = class_colour(reference.label)
    tile: Pixels = np.full((TILE, TILE, 3), 255, np.uint8)
    tile[3:-3, 3:-3] = pixels
    return tile


def _square(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Cut out the mask's surroundings; less than square at the border of the image, then padded white."""
    rows, columns = torch.nonzero(mask, as_tuple=True)
    side = int(1.2 * max(int(rows.max() - rows.min()), int(columns.max() - columns.min()))) + 3
    top = (int(rows.min()) + int(rows.max()) - side) // 2
    left = (int(columns.min()) + int(columns.max()) - side) // 2
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
