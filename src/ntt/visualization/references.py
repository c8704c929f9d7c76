"""Visualization of the references."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ntt.io import whole_file
from ntt.structures import Prompt, Reference
from ntt.visualization.canvas import BLACK, WHITE, Pixels, class_colour, resize, to_pixels
from ntt.visualization.shapes import outline, shapes_of

TILE = 264  # pixels
EDGE = 5  # white pixels around an image in its tile
INNER = TILE - 2 * EDGE
MARGIN = 10  # white pixels around the sheet
SHOTS_SHOWN = 5
CLASSES_SHOWN = 100  # more classes would need hundreds of megapixels
NAME_WIDTH = 220  # pixels
NAME_LETTERS = 13  # per line of the class name
NAME_LINES = 6
LETTER_SIZE = 26  # pixels
CAPTION_SIZE = 20
CAPTION = (
    "Dashed boxes, + and \N{MINUS SIGN} are the given prompts;\nthe outlines are pseudo masks made from them."
)
WIDER_THAN_HIGH = 1.3  # approximate aspect ratio of the sheet
DASH = 8  # pixels, length of a dash and of the gap after it
SIGN = 9  # pixels, half the width of a + sign
FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")  # covers most alphabets


@dataclass(frozen=True)
class _Tile:
    """Square crop around an instance; ``left``, ``top`` and ``side`` are in pixels of the source image."""

    pixels: Pixels
    prompt: Prompt | None
    left: int
    top: int
    side: int


@dataclass(frozen=True)
class _Layout:
    """Layout of blocks next to each other, each with ``rows`` classes of ``shots`` tiles."""

    blocks: int
    rows: int
    shots: int

    @classmethod
    def of(cls, classes: int, shots: int) -> _Layout:
        """Choose the number of blocks that makes the sheet slightly wider than high."""
        width = NAME_WIDTH + shots * TILE
        blocks = max(1, min(classes, round(math.sqrt(WIDER_THAN_HIGH * classes * TILE / width))))
        rows = max(1, -(-classes // blocks))
        return cls(max(1, -(-classes // rows)), rows, shots)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the sheet in pixels."""
        return self.rows * TILE, self.blocks * (NAME_WIDTH + self.shots * TILE)

    def corner(self, label: int) -> tuple[int, int]:
        """Return the left and top pixel of the row of a class."""
        block, row = divmod(label, self.rows)
        return block * (NAME_WIDTH + self.shots * TILE), row * TILE


def draw_references(path: Path, references: Iterable[Reference], class_names: Sequence[str]) -> None:
    """Draw a row per class with its name and first references, each cropped around its outlined mask.

    For pseudo masks, the box or points are drawn too, with a caption. At most ``CLASSES_SHOWN`` classes are
    drawn.

    Args:
        path: PNG file to write.
        references: References of all classes with masks, in any order.
        class_names: Class names in label order.
    """
    names = class_names[:CLASSES_SHOWN]
    tiles: list[list[_Tile]] = [[] for _ in names]
    for reference in references:
        if reference.label < len(names) and len(tiles[reference.label]) < SHOTS_SHOWN:
            tiles[reference.label].append(_tile(reference))
    layout = _Layout.of(len(names), max((len(row) for row in tiles), default=1) or 1)

    captions = [CAPTION] if any(tile.prompt for row in tiles for tile in row) else []
    if len(names) < len(class_names):
        captions.append(f"The first {len(names)} of {len(class_names)} classes.")
    sheet = _sheet(layout, names, tiles, "\n".join(captions))
    with whole_file(path) as temporary:
        sheet.save(temporary)


def _sheet(
    layout: _Layout, names: Sequence[str], tiles: Sequence[Sequence[_Tile]], caption: str
) -> Image.Image:
    """Draw the sheet with names, tiles, prompts and the caption below."""
    height, width = layout.size
    font = ImageFont.truetype(FONT, CAPTION_SIZE)
    below = ImageDraw.Draw(Image.new("RGB", (1, 1))).multiline_textbbox((0, 0), caption, font)
    size = (round(max(width, below[2])) + 2 * MARGIN, height + round(below[3]) + 2 * MARGIN)
    sheet = Image.new("RGB", size, WHITE)
    draw = ImageDraw.Draw(sheet)
    draw.multiline_text((MARGIN, MARGIN + height), caption, BLACK, font)
    for label, name in enumerate(names):
        left, top = (MARGIN + each for each in layout.corner(label))
        _write_name(draw, name, left + NAME_WIDTH - 2 * EDGE, top + TILE // 2)
        for shot, tile in enumerate(tiles[label]):
            image = Image.fromarray(tile.pixels)
            _draw_prompt(image, tile)
            sheet.paste(image, (left + NAME_WIDTH + shot * TILE + EDGE, top + EDGE))
    return sheet


def _write_name(draw: ImageDraw.ImageDraw, name: str, right: int, middle: int) -> None:
    """Draw a class name, wrapped, right-aligned at ``right`` and vertically centred at ``middle``."""
    lines = textwrap.wrap(name, NAME_LETTERS, max_lines=NAME_LINES, placeholder=" ...")
    font = ImageFont.truetype(FONT, LETTER_SIZE)
    draw.multiline_text((right, middle), "\n".join(lines), BLACK, font, anchor="rm", align="right")


def _draw_prompt(image: Image.Image, tile: _Tile) -> None:
    """Draw the prompt of a pseudo mask on the image of its tile; do nothing for other masks."""
    prompt, scale, draw = tile.prompt, INNER / tile.side, ImageDraw.Draw(image)
    if prompt is None:
        return

    def place(x: float, y: float) -> tuple[float, float]:
        return (x - tile.left) * scale, (y - tile.top) * scale

    if prompt.box is not None:
        (x1, y1), (x2, y2) = place(*prompt.box[:2]), place(*prompt.box[2:])
        corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
        draw.line(corners, BLACK, width=4)
        for start, end in itertools.pairwise(corners):
            _draw_dashes(draw, start, end)
    for x, y, label in prompt.points:
        column, row = place(x, y)
        for colour, width, length in ((BLACK, 7, SIGN + 2), (WHITE, 3, SIGN)):
            draw.line([(column - length, row), (column + length, row)], colour, width)
            if label:
                draw.line([(column, row - length), (column, row + length)], colour, width)


def _draw_dashes(draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a dashed white line."""
    step = np.subtract(end, start)
    length = float(np.hypot(*step))
    for begin in np.arange(0, length, 2 * DASH):
        ends = [tuple(np.add(start, step * min(at, length) / length)) for at in (begin, begin + DASH)]
        draw.line(ends, WHITE, width=2)


def _tile(reference: Reference) -> _Tile:
    """Crop a square around the instance and its box, if it has one, and outline the mask."""
    assert reference.mask is not None, "masks must be made before"
    mask = reference.mask
    rows, columns = torch.nonzero(mask, as_tuple=True)
    corners = [int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())]
    if reference.prompt is not None and reference.prompt.box is not None:
        x1, y1, x2, y2 = map(int, reference.prompt.box)
        corners = [min(corners[0], x1), min(corners[1], y1), max(corners[2], x2), max(corners[3], y2)]
    side = int(1.2 * max(corners[2] - corners[0], corners[3] - corners[1])) + 3
    left, top = (corners[0] + corners[2] - side) // 2, (corners[1] + corners[3] - side) // 2
    image, square_mask = _square(reference.image, mask, left, top, side)
    pixels = np.ascontiguousarray(to_pixels(resize(image, INNER, INNER)))
    shapes = shapes_of([resize(square_mask[None], INNER, INNER)[0] > 0.5], INNER, INNER)
    outline(pixels, shapes, [class_colour(reference.label)], zoom=1.0)
    return _Tile(pixels, reference.prompt, left, top, side)


def _square(image: Tensor, mask: Tensor, left: int, top: int, side: int) -> tuple[Tensor, Tensor]:
    """Crop a square from the image and the mask; pad outside the image with white."""
    cut = (slice(max(top, 0), top + side), slice(max(left, 0), left + side))
    height, width = mask[cut].shape
    place = (slice(max(-top, 0), max(-top, 0) + height), slice(max(-left, 0), max(-left, 0) + width))
    square, square_mask = torch.ones(3, side, side), torch.zeros(side, side, dtype=torch.bool)
    square[:, place[0], place[1]] = image[:, cut[0], cut[1]]
    square_mask[place] = mask[cut]
    return square, square_mask
