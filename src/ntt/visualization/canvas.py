"""Colours, sizes, pixel conversion and saving for all visualizations."""

from __future__ import annotations

import colorsys
from pathlib import Path

import cv2
import numpy as np
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ntt.io import whole_file

DPI = 100
PANEL = 6.0  # inches, longer side of an image in a figure
TITLE_SIZE = 13
LEAST_SIDE = round(PANEL * DPI)  # pixels; lines and text are sized for it and scale with the image
Pixels = NDArray[np.uint8]
RGB = tuple[int, int, int]
BLACK: RGB = (0, 0, 0)
WHITE: RGB = (255, 255, 255)
EVEN_LUMINANCE = 0.179  # black and white text have equal contrast at this luminance (WCAG 2)
# Any two are at least 30 apart in CIELAB, and all are light enough to be visible on a dark outline.
INSTANCE_COLOURS: tuple[RGB, ...] = (
    (47, 140, 255),
    (255, 140, 26),
    (53, 217, 74),
    (255, 122, 208),
    (255, 230, 64),
    (176, 107, 255),
    (31, 214, 234),
    (255, 59, 59),
    (180, 240, 30),
    (185, 138, 90),
    (201, 210, 255),
    (0, 168, 143),
)
NEAR = 0.04  # fraction of the longer image side within which instances are neighbours


def class_colour(label: int) -> RGB:
    """Return the colour of a class: golden-ratio steps around the hue circle, in two shades."""
    red, green, blue = colorsys.hsv_to_rgb(0.58 + label * 0.618034 % 1.0, 0.85 - 0.2 * (label % 2), 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def instance_colours(boxes: NDArray[np.int_], height: int, width: int) -> list[RGB]:
    """Return one colour per instance; neighbours get different colours while colours are left.

    The colour of an instance does not depend on later instances.

    Args:
        boxes: ``(N, 4)``, ``x1 y1 x2 y2`` in pixels.
        height: Image height in pixels.
        width: Image width in pixels.
    """
    margin = NEAR * max(height, width)
    chosen: list[int] = []
    for x1, y1, x2, y2 in boxes.tolist():
        before = boxes[: len(chosen)]
        near = (before[:, 0] < x2 + margin) & (before[:, 2] > x1 - margin)
        near &= (before[:, 1] < y2 + margin) & (before[:, 3] > y1 - margin)
        beside = {colour for colour, is_near in zip(chosen, near.tolist(), strict=True) if is_near}
        chosen.append(
            min(range(len(INSTANCE_COLOURS)), key=lambda colour: (colour in beside, chosen.count(colour)))
        )
    return [INSTANCE_COLOURS[colour] for colour in chosen]


def luminance(colour: RGB) -> float:
    """Compute the relative luminance of an sRGB colour, from 0 for black to 1 for white (WCAG 2)."""
    share = np.divide(colour, 255)
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def text_colour(background: RGB) -> RGB:
    """Return black or white, whichever has more contrast with the background."""
    return BLACK if luminance(background) > EVEN_LUMINANCE else WHITE


def to_pixels(image: Tensor) -> Pixels:
    """Convert ``(3, H, W)`` in [0, 1] to ``(H, W, 3)`` uint8."""
    pixels: Pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return pixels


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Resize ``(N, h, w)`` to ``(N, height, width)`` bilinearly, with antialiasing when shrinking."""
    if not len(maps):
        return maps.new_zeros(0, height, width)
    return F.interpolate(maps[:, None].float(), (height, width), mode="bilinear", antialias=True)[:, 0]


def resize_pixels(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize ``(h, w, 3)`` or ``(h, w)`` uint8; return a copy if the size is unchanged."""
    if pixels.shape[:2] == (height, width):
        return pixels.copy()
    shrinks = height < pixels.shape[0]
    resized = cv2.resize(
        pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)


def shown_size(image: Tensor) -> tuple[int, int]:
    """Return the display height and width in pixels of ``(3, H, W)``; the longer side is ``LEAST_SIDE``."""
    height, width = image.shape[-2:]
    scale = LEAST_SIDE / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def shown_pixels(image: Tensor) -> Pixels:
    """Convert ``(3, H, W)`` in [0, 1] to uint8 pixels at the display size."""
    return to_pixels(resize(image, *shown_size(image)))


def panel_grid(
    image: Tensor, titles: list[str], columns: int, scale: float = 1.0
) -> tuple[Figure, list[Axes]]:
    """Create a figure of equal panels with titles, the aspect ratio of ``image`` and no axes."""
    height, width = (scale * side / DPI for side in shown_size(image))
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(columns * (width + 0.15), rows * (height + 0.45)), dpi=DPI, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for axes in grid:
        axes.set_axis_off()
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(title, fontsize=TITLE_SIZE, parse_math=False)
    return figure, grid[: len(titles)]


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, facecolor="white", bbox_inches="tight", pad_inches=0.08)
