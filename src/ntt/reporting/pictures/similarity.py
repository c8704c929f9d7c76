"""Heat maps of the similarity to each class prototype."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from torch import Tensor

from ntt.reporting.pictures.canvas import panels, resize, save, shown_pixels

COLUMNS = 4
COLOURS = "turbo"


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
    figure, grid = panels(image, ["Image", *names], COLUMNS, scale=0.6)
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
