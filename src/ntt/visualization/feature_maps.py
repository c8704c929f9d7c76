"""Images of features: principal components and similarity maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from torch import Tensor

from ntt.visualization.canvas import panel_grid, resize, save, shown_pixels

COLUMNS = 4
COLOURS = "turbo"


def draw_features(path: Path, image: Tensor, features: Tensor) -> None:
    """Draw the image next to the first three principal components of its patch features, as RGB.

    Args:
        path: PNG file to write.
        image: ``(3, H, W)`` in [0, 1].
        features: ``(h, w, C)`` patch features.
    """
    pixels = shown_pixels(image)
    height, width, _ = pixels.shape
    figure, grid = panel_grid(image, ["Image", "Patch features, three principal components"], columns=2)
    grid[0].imshow(pixels)
    # The feature grid is square; extent restores the aspect ratio of the image.
    grid[1].imshow(principal_colours(features).numpy(), extent=(0, width, height, 0), interpolation="nearest")
    save(figure, path)


def principal_colours(features: Tensor) -> Tensor:
    """Map ``(h, w, C)`` features to ``(h, w, 3)`` in [0, 1].

    The channels are the three leading principal components, scaled from the 2nd to the 98th percentile.
    """
    flat = features.detach().cpu().float().flatten(0, 1)
    centred = flat - flat.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    # The sign of a component is arbitrary; make its largest weight positive for reproducible figures.
    strongest = directions[:3].abs().argmax(dim=1, keepdim=True)
    components = centred @ (directions[:3] * directions[:3].gather(1, strongest).sign()).T
    low, high = components.quantile(torch.tensor([0.02, 0.98]), dim=0)
    colours = ((components - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    return colours.unflatten(0, features.shape[:2])


def draw_similarity(path: Path, image: Tensor, maps: Tensor, names: Sequence[str]) -> None:
    """Draw the image and a heat map for each class, all with the same colour scale.

    Args:
        path: PNG file to write.
        image: ``(3, H, W)`` in [0, 1].
        maps: ``(K, h, w)`` cosine similarity of each patch with each class prototype.
        names: Names of the K classes.
    """
    pixels = shown_pixels(image)
    grey = pixels.mean(axis=2)
    heat = resize(maps.cpu(), *grey.shape).numpy()
    # Start the scale at the median, because about half of an image is background.
    low, high = float(maps.median()), float(maps.max())
    scale = Normalize(low, max(high, low + 1e-6), clip=True)
    figure, grid = panel_grid(image, ["Image", *names], COLUMNS, scale=0.6)
    grid[0].imshow(pixels)
    for axes, layer in zip(grid[1:], heat, strict=True):
        axes.imshow(grey, cmap="gray", vmin=0, vmax=255)
        axes.imshow(layer, cmap=COLOURS, norm=scale, alpha=0.6)
    figure.colorbar(
        ScalarMappable(scale, COLOURS),
        ax=grid,
        pad=0.01,
        aspect=30,
        label="cosine similarity with the class prototype",
    )
    save(figure, path)
