"""Semantic maps as palette PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from ntt.io import whole_file, write_json
from ntt.visualization.canvas import RGB, class_colour

LARGEST = 254  # maximum number of classes: 0 is background, and 255 conventionally means "ignored"
BACKGROUND: RGB = (0, 0, 0)


def write_label_map(path: Path, classes: Tensor, count: int) -> None:
    """Write a semantic map as a PNG with a colour palette.

    Args:
        path: PNG file to write.
        classes: ``(H, W)`` int64, 0 for background and ``k + 1`` for class ``k``.
        count: Number of classes, at most ``LARGEST``.
    """
    image = Image.fromarray(classes.numpy(force=True).astype(np.uint8))
    image.putpalette([channel for colour in _colours(count) for channel in colour])
    with whole_file(path) as temporary:
        image.save(temporary)


def write_legend(path: Path, class_names: Sequence[str]) -> None:
    """Write the legend of label maps as a JSON list of ``value``, ``name`` and ``colour``."""
    names = ["background", *class_names]
    entries = enumerate(zip(names, _colours(len(class_names)), strict=True))
    write_json(path, [{"value": value, "name": name, "colour": colour} for value, (name, colour) in entries])


def _colours(count: int) -> list[RGB]:
    return [BACKGROUND, *map(class_colour, range(count))]
