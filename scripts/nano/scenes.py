"""Scenes composed of sprites on a background, with the exact visible mask of every object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

VISIBLE = 0.6  # minimum visible share of every object
ALPHA = 128  # minimum opacity of pixels that belong to an object


@dataclass(frozen=True)
class Placed:
    """A sprite with its position in a scene.

    Attributes:
        sprite: ``(S, S, 4)`` uint8 RGBA.
        label: label, passed on unchanged.
        side: side in scene pixels to which the sprite is scaled.
        centre: ``x y`` in scene pixels.
        angle: rotation in degrees.
        mirrored: whether to flip the sprite horizontally first.
    """

    sprite: NDArray[np.uint8]
    label: int
    side: float
    centre: tuple[float, float]
    angle: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True)
class Scene:
    """A rendered image with its object masks.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB.
        masks: ``(N, H, W)`` bool, visible part of each object, in painting order.
        labels: ``(N,)`` int.
    """

    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    labels: NDArray[np.int64]


def paint(background: NDArray[np.uint8], objects: Sequence[Placed]) -> Scene:
    """Paint objects in order, each over the previous ones; empty visible masks are kept."""
    canvas = background.copy()
    masks = np.zeros((len(objects), *background.shape[:2]), dtype=bool)
    for index, item in enumerate(objects):
        layer, window = _warp(item, background.shape[:2])
        alpha = layer[..., 3:].astype(np.float32) / 255
        canvas[window] = canvas[window] * (1 - alpha) + layer[..., :3] * alpha + 0.5
        covered = layer[..., 3] >= ALPHA
        masks[:index, *window] &= ~covered
        masks[index, *window] = covered
    labels = np.array([item.label for item in objects], dtype=np.int64)
    return Scene(canvas, masks, labels)


def scatter(
    rng: np.random.Generator,
    background: NDArray[np.uint8],
    sprites: Sequence[tuple[NDArray[np.uint8], int]],
    sides: tuple[float, float],
    max_angle: float,
    tries: int = 40,
) -> Scene:
    """Place sprites on a background at random positions, sizes and angles.

    A placement that hides more than ``1 - VISIBLE`` of another object, or has less than 0.8 of the sprite
    inside the image, is rejected and repeated at a smaller size. A sprite without a valid placement is
    skipped.

    Args:
        rng: random generator.
        background: ``(H, W, 3)`` uint8.
        sprites: pairs of RGBA sprite and label.
        sides: minimum and maximum side of a sprite in pixels; sizes are log-uniform.
        max_angle: maximum rotation in either direction, in degrees.
        tries: attempts per sprite.
    """
    height, width = background.shape[:2]
    placed: list[Placed] = []
    opaque: list[int] = []  # area of each placed object in pixels, ignoring occlusion
    visible = np.zeros((0, height, width), dtype=bool)
    areas = np.zeros(0)  # visible area of each placed object in pixels
    for sprite, label in sprites:
        side = float(np.exp(rng.uniform(*np.log(sides))))
        for _ in range(tries):
            item = Placed(
                sprite=sprite,
                label=label,
                side=side,
                centre=(rng.uniform(0, width), rng.uniform(0, height)),
                angle=rng.uniform(-max_angle, max_angle),
                mirrored=rng.random() < 0.5,
            )
            layer, window = _warp(item, (height, width))
            covered = layer[..., 3] >= ALPHA
            full = int((sprite[..., 3] >= ALPHA).sum() * (side / sprite.shape[0]) ** 2)
            lost = (visible[:, *window] & covered).sum((1, 2))
            if covered.sum() >= 0.8 * full and (areas - lost >= VISIBLE * np.array(opaque)).all():
                areas = np.append(areas - lost, covered.sum())
                visible[:, *window] &= ~covered
                visible = np.concatenate([visible, np.zeros((1, height, width), dtype=bool)])
                visible[-1, *window] = covered
                placed.append(item)
                opaque.append(max(1, full))
                break
            side = max(sides[0], side * 0.95)
    return paint(background, placed)


def _warp(item: Placed, shape: tuple[int, int]) -> tuple[NDArray[np.uint8], tuple[slice, slice]]:
    """Scale, rotate and crop the sprite to the image; return it with its window of rows and columns."""
    source = item.sprite[:, ::-1] if item.mirrored else item.sprite
    size = source.shape[0]
    # Shrink with area interpolation first, because the affine warp samples four pixels and would alias.
    if item.side < size:
        size = max(2, round(item.side))
        source = np.asarray(cv2.resize(source, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    reach = item.side / 2 * (abs(np.cos(np.radians(item.angle))) + abs(np.sin(np.radians(item.angle)))) + 1
    left, right = (int(np.clip(item.centre[0] + d, 0, shape[1])) for d in (-reach, reach))
    top, bottom = (int(np.clip(item.centre[1] + d, 0, shape[0])) for d in (-reach, reach))
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), item.angle, item.side / size)
    matrix[:, 2] += np.array(item.centre) - (left, top) - size / 2
    layer = cv2.warpAffine(
        np.ascontiguousarray(source), matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR
    )
    return np.asarray(layer, np.uint8), (slice(top, bottom), slice(left, right))
