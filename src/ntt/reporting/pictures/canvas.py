"""What all pictures share: colours, sizes, pixels, and saving."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ntt.files import whole_file

DPI = 100
PANEL = 6.0  # inches: the longer side of an image in a picture
TITLE_SIZE = 13

Pixels = NDArray[np.uint8]
RGB = tuple[int, int, int]


def class_colour(label: int) -> RGB:
    """A colour for each class: golden-ratio steps around the hue circle, in two shades."""
    red, green, blue = colorsys.hsv_to_rgb(0.58 + label * 0.618034 % 1.0, 0.85 - 0.2 * (label % 2), 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def to_pixels(image: Tensor) -> Pixels:
    """``(3, H, W)`` in [0, 1] as ``(H, W, 3)`` uint8."""
    pixels: Pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return pixels


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Bilinear ``(N, h, w)`` to ``(N, height, width)``."""
    if not len(maps):
        return maps.new_zeros(0, height, width)
    return F.interpolate(maps[:, None].float(), (height, width), mode="bilinear", align_corners=False)[:, 0]


def shown_size(image: Tensor) -> tuple[int, int]:
    """Height and width in pixels at which ``(3, H, W)`` is shown: small ones grow, large ones shrink."""
    height, width = image.shape[-2:]
    scale = PANEL * DPI / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def panels(image: Tensor, titles: list[str], columns: int, scale: float = 1.0) -> tuple[Figure, list[Axes]]:
    """A figure of equal panels with the aspect ratio of ``image``, titled and without axes."""
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
    """Write a PNG."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, facecolor="white", bbox_inches="tight", pad_inches=0.08)
