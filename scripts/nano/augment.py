"""Colour augmentation of whole scenes and of single sprites."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def photometric(
    rng: np.random.Generator, image: NDArray[np.uint8], strength: float = 1.0
) -> NDArray[np.uint8]:
    """Slightly change brightness, contrast, saturation and hue, and randomly blur or add noise.

    Args:
        rng: random generator.
        image: ``(H, W, 3)`` uint8 RGB.
        strength: 0 leaves the image unchanged, 1 is the training setting.
    """
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-6, 6) * strength) % 180
    hsv[..., 1] *= 1 + rng.uniform(-0.3, 0.3) * strength
    hsv[..., 2] = (hsv[..., 2] - 128) * (1 + rng.uniform(-0.2, 0.2) * strength) + 128
    hsv[..., 2] += rng.uniform(-25, 25) * strength
    changed: NDArray[Any] = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB)
    if rng.random() < 0.3 * strength:
        changed = cv2.GaussianBlur(changed, (0, 0), rng.uniform(0.3, 1.0))
    if rng.random() < 0.3 * strength:
        changed = np.clip(changed + rng.normal(0, rng.uniform(2, 8), changed.shape), 0, 255)
    return changed.astype(np.uint8)


def recolour(rng: np.random.Generator, sprite: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Strongly change the colours of a sprite ``(S, S, 4)``, to imitate differences between vendors.

    One sprite in twelve becomes grey; half of all sprites are shifted in hue; all are changed in saturation
    and brightness.
    """
    hsv = cv2.cvtColor(np.ascontiguousarray(sprite[..., :3]), cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 1] *= 0.0 if rng.random() < 1 / 12 else rng.uniform(0.5, 1.3)
    if rng.random() < 0.5:
        hsv[..., 0] = (hsv[..., 0] + rng.uniform(-30, 30)) % 180
    hsv[..., 2] = 255 * (np.clip(hsv[..., 2], 0, 255) / 255) ** rng.uniform(0.7, 1.5)
    changed = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB)
    return np.concatenate([changed, sprite[..., 3:]], axis=-1)
