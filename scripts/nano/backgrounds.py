"""Scene backgrounds: procedural textures, and optionally photographs from a folder for training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def texture(rng: np.random.Generator, size: int) -> Pixels:
    """Draw a random texture ``(size, size, 3)``: two muted colours mixed by a random pattern, plus noise."""
    pattern = (_gradient, _clouds, _stripes, _checks, _blobs)[rng.integers(5)]
    mix = pattern(rng, size)[..., None]
    first, second = _colour(rng), _colour(rng)
    image = first * mix + second * (1 - mix)
    image += rng.normal(0, rng.uniform(0, 8), (size, size, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


class Photographs:
    """Random crops of the photographs below the given folders (JPEG and PNG).

    Links and the preview images of desktop wallpapers (``screenshot.jpg``) are skipped.
    """

    def __init__(self, *folders: Path, longest_side: int = 900) -> None:
        files = [file for folder in folders for file in sorted(folder.rglob("*")) if _is_photograph(file)]
        if not files:
            raise FileNotFoundError(f"no .jpg or .png below {', '.join(map(str, folders))}")
        self.images = [_read(file, longest_side) for file in files]

    def __call__(self, rng: np.random.Generator, size: int) -> Pixels:
        """Draw a random crop at a random scale, ``(size, size, 3)``."""
        image = self.images[rng.integers(len(self.images))]
        height, width = image.shape[:2]
        side = int(rng.uniform(0.4, 1.0) * min(height, width))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = cv2.resize(
            image[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA
        )
        return np.asarray(crop[:, ::-1] if rng.random() < 0.5 else crop, np.uint8)


def _is_photograph(file: Path) -> bool:
    return (
        file.suffix.lower() in {".jpg", ".jpeg", ".png"}
        and file.stem != "screenshot"
        and file.is_file()
        and not file.is_symlink()
    )


def _read(file: Path, longest_side: int) -> Pixels:
    with Image.open(file) as image:
        image.draft("RGB", (longest_side, longest_side))
        rgb = image.convert("RGB")
        rgb.thumbnail((longest_side, longest_side))
        return np.asarray(rgb)


def _colour(rng: np.random.Generator) -> NDArray[np.float64]:
    hue, saturation, value = rng.integers(180), rng.integers(20, 150), rng.integers(60, 245)
    pixel = np.array([[[hue, saturation, value]]], dtype=np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64)


def _coordinates(rng: np.random.Generator, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[0:size, 0:size] / size
    return x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)


def _gradient(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    along, _ = _coordinates(rng, size)
    return (along - along.min()) / (along.max() - along.min())


def _clouds(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    total = np.zeros((size, size))
    for octave in range(2, 7):
        cells = rng.random((2**octave, 2**octave))
        weight = 2.0 ** -(octave * rng.uniform(0.6, 1))
        total += weight * np.asarray(
            cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC), np.float64
        )
    return (total - total.min()) / (total.max() - total.min())


def _stripes(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    along, _ = _coordinates(rng, size)
    return 0.5 + 0.5 * np.sin(along * rng.uniform(8, 70)) * rng.uniform(0.2, 1)


def _checks(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    along, across = _coordinates(rng, size)
    cells = rng.uniform(3, 14)
    return ((np.floor(along * cells) + np.floor(across * cells)) % 2) * rng.uniform(0.2, 0.8)


def _blobs(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    canvas = np.zeros((size, size), dtype=np.float32)
    for _ in range(rng.integers(10, 60)):
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        axes = tuple(int(v) for v in rng.integers(size // 60 + 1, size // 10, 2))
        cv2.ellipse(canvas, centre, axes, rng.uniform(0, 180), 0, 360, rng.uniform(0.3, 1), -1, cv2.LINE_AA)
    return canvas.astype(np.float64)
