"""Visualization of semantic maps, with ground truth next to predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray
from torch import Tensor

from ntt.evaluation import IGNORED
from ntt.visualization.canvas import class_colour, panel_grid, save, to_pixels

OPACITY = 0.6
LEGEND_COLUMNS = 6


def draw_semantic(
    path: Path, image: Tensor, truth: Tensor | None, predicted: Tensor, class_names: Sequence[str]
) -> None:
    """Draw the ground-truth and predicted maps over the image in grey, with a legend of the visible classes.

    Args:
        path: PNG file to write.
        image: ``(3, H, W)`` in [0, 1].
        truth: ``(H, W)`` int64, 0 for background, ``k + 1`` for class ``k``, ``IGNORED`` for ignored pixels.
            None without ground truth; the image is drawn instead.
        predicted: Predicted map in the same format.
        class_names: Class names in label order.
    """
    names = dict(enumerate(class_names, start=1)) | {IGNORED: "ignored"}
    palette = np.ones((IGNORED + 1, 3))
    palette[1 : len(class_names) + 1] = [np.divide(class_colour(k), 255) for k in range(len(class_names))]

    figure, grid = panel_grid(image, ["Image" if truth is None else "Ground truth", "Prediction"], columns=2)
    grid[0].imshow(to_pixels(image))
    maps = [predicted] if truth is None else [truth, predicted]
    for axes, classes in zip(grid[-len(maps) :], maps, strict=True):
        _overlay(axes, image, classes.numpy(force=True), palette)
    seen = [value for value in torch.stack(maps).unique().tolist() if value]
    patches = [Patch(facecolor=palette[value], edgecolor="grey", label=names[value]) for value in seen]
    if patches:
        columns = min(LEGEND_COLUMNS, len(patches))
        legend = figure.legend(
            handles=patches, loc="outside lower center", ncols=columns, fontsize=12, frameon=False
        )
        for text in legend.get_texts():
            text.set_parse_math(False)  # a class name may contain dollar signs
    save(figure, path)


def _overlay(axes: Axes, image: Tensor, classes: NDArray[np.int64], palette: NDArray[np.float64]) -> None:
    """Show the image in grey, with each class tinted and outlined in its colour."""
    pixels = np.repeat(to_pixels(image).mean(axis=2, keepdims=True) / 255, 3, axis=2)
    tinted = classes > 0
    pixels[tinted] = (1 - OPACITY) * pixels[tinted] + OPACITY * palette[classes[tinted]]
    axes.imshow(pixels)
    for value in np.unique(classes[tinted]):
        inside = classes == value
        if not inside.all():  # a class that fills the image has no outline
            axes.contour(inside, levels=[0.5], colors=[palette[value]], linewidths=1.5)
