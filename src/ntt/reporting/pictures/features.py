"""What the encoder tells apart in one image."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ntt.reporting.pictures.canvas import panels, save, shown_pixels


def draw_features(path: Path, image: Tensor, features: Tensor) -> None:
    """The image beside its patch features, their first three principal components as red, green and blue.

    Args:
        path: the PNG to write.
        image: ``(3, H, W)`` in [0, 1].
        features: ``(h, w, C)`` patch features.
    """
    pixels = shown_pixels(image)
    height, width, _ = pixels.shape
    figure, grid = panels(image, ["Image", "Patch features, three principal components"], columns=2)
    grid[0].imshow(pixels)
    # The feature grid is square whatever the image; extent gives it the image's shape back.
    grid[1].imshow(principal_colours(features).numpy(), extent=(0, width, height, 0), interpolation="nearest")
    save(figure, path)


def principal_colours(features: Tensor) -> Tensor:
    """``(h, w, C)`` features as ``(h, w, 3)`` in [0, 1]: the leading components, 2nd to 98th percentile."""
    flat = features.detach().cpu().float().flatten(0, 1)
    centred = flat - flat.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    # The sign of a component is arbitrary: its largest weight is made positive, so that pictures repeat.
    strongest = directions[:3].abs().argmax(dim=1, keepdim=True)
    components = centred @ (directions[:3] * directions[:3].gather(1, strongest).sign()).T
    low, high = components.quantile(torch.tensor([0.02, 0.98]), dim=0)
    colours = ((components - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    return colours.unflatten(0, features.shape[:2])
