"""Training images of the encoders: mosaics with one base-class object per cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nano.augment import photometric, recolour
from nano.backgrounds import Pixels, texture
from nano.scenes import Placed, paint
from nano.sprites import SpriteSheet

Background = Callable[[np.random.Generator, int], Pixels]


@dataclass(frozen=True)
class MosaicBatch:
    """Images of N classes, each class shown in the drawings of two vendors.

    Attributes:
        images: ``(B, 3, S, S)`` float in [0, 1].
        masks: ``(2 N, S, S)`` float, mask of each object.
        image_of: ``(2 N,)`` int64, image index of each object.
        classes: ``(2 N,)`` int64, class of each object; every class occurs twice.
    """

    images: Tensor
    masks: Tensor
    image_of: Tensor
    classes: Tensor


class Mosaics:
    """Generator of mosaics with base-class objects.

    Args:
        sprites: sprite sheet.
        size: side of an image in pixels.
        photographs: photographic backgrounds, used for half of the images.
    """

    def __init__(self, sprites: SpriteSheet, size: int, photographs: Background | None = None) -> None:
        self.sprites = sprites
        self.size = size
        self.photographs = photographs
        held_out = len(sprites.vocabulary.novel) + len(sprites.vocabulary.validation)
        self.vendors = {
            index: vendors
            for index in range(held_out, len(sprites.pixels))
            if len(vendors := sprites.vendors_of(index)) >= 2
        }
        self.indices = np.array(list(self.vendors))

    def draw(self, rng: np.random.Generator, classes: int, per_side: int) -> MosaicBatch:
        """Draw ``classes`` different classes twice, with ``per_side ** 2`` objects per image."""
        chosen = rng.choice(self.indices, classes, replace=False)
        pairs = [rng.choice(self.vendors[index], 2, replace=False) for index in chosen]
        # First drawings precede second ones, so that the two drawings of a class are in different images.
        objects = [(c, v[0]) for c, v in zip(chosen, pairs, strict=True)]
        order = rng.permutation(classes)
        objects += [(chosen[i], pairs[i][1]) for i in order]
        cells = per_side**2
        images, masks = [], []
        for start in range(0, len(objects), cells):
            image, mask = self._mosaic(rng, objects[start : start + cells], per_side)
            images.append(image)
            masks.append(mask)
        return MosaicBatch(
            images=torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255,
            masks=torch.from_numpy(np.concatenate(masks)).float(),
            image_of=torch.arange(len(objects)) // cells,
            classes=torch.as_tensor(np.array([index for index, _ in objects])),
        )

    def _mosaic(
        self, rng: np.random.Generator, objects: list[tuple[int, int]], per_side: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        cell = self.size / per_side
        placed = []
        for k, (index, vendor) in enumerate(objects):
            side = cell * rng.uniform(0.5, 1.0)
            room = (cell - side) / 2 + 0.08 * cell
            row, column = divmod(k, per_side)
            placed.append(
                Placed(
                    sprite=recolour(rng, self.sprites.pixels[index, vendor]),
                    label=int(index),
                    side=side,
                    centre=(
                        (column + 0.5) * cell + rng.uniform(-room, room),
                        (row + 0.5) * cell + rng.uniform(-room, room),
                    ),
                    angle=rng.uniform(-25, 25),
                    mirrored=rng.random() < 0.5,
                )
            )
        use_photograph = self.photographs is not None and rng.random() < 0.5
        background = self.photographs if use_photograph and self.photographs else texture
        scene = paint(background(rng, self.size), placed)
        return photometric(rng, scene.image), scene.masks
