"""Training material of the nano segmenter: scenes with clicks on their objects and on the background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ntt.embedded.augment import photometric
from ntt.embedded.backgrounds import texture
from ntt.embedded.mosaics import Background
from ntt.embedded.scenes import scatter
from ntt.embedded.sprites import SpriteSheet


@dataclass(frozen=True)
class ClickBatch:
    """B scenes with P clicks each, those of a scene side by side.

    Attributes:
        images: ``(B, 3, S, S)`` float in [0, 1].
        points: ``(B P, 1, 2)`` float, ``x y`` in pixels.
        masks: ``(B P, S, S)`` float, what each click means; all zero for one on a texture.
        on_object: ``(B P,)`` bool, False for a click on a texture.
    """

    images: Tensor
    points: Tensor
    masks: Tensor
    on_object: Tensor


class ClickScenes:
    """Draws scenes of base-class objects with clicks.

    Args:
        sprites: the sprite sheet.
        photographs: another source of backgrounds; nobody clicks on those, they have objects of their own.
        sides: smallest and largest side of an object, as a share of the picture's.
        background_clicks: share of the clicks on a texture that is nobody's object.
        photograph_share: share of the scenes before a photograph.
    """

    def __init__(
        self,
        sprites: SpriteSheet,
        photographs: Background | None,
        sides: tuple[float, float],
        background_clicks: float,
        photograph_share: float = 0.5,
    ) -> None:
        self.sprites, self.photographs = sprites, photographs
        self.sides, self.background_clicks = sides, background_clicks
        self.photograph_share = photograph_share
        held_out = len(sprites.vocabulary.novel) + len(sprites.vocabulary.validation)
        self.drawings = [
            (index, vendor)
            for index in range(held_out, len(sprites.pixels))
            for vendor in sprites.vendors_of(index)
        ]

    def draw(self, rng: np.random.Generator, scenes: int, clicks: int, size: int) -> ClickBatch:
        """Draw scenes of ``size`` pixels."""
        parts = [self._scene(rng, clicks, size) for _ in range(scenes)]
        images, points, masks, on_object = (np.stack(part) for part in zip(*parts, strict=True))
        return ClickBatch(
            images=torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255,
            points=torch.from_numpy(points).flatten(0, 1)[:, None].float(),
            masks=torch.from_numpy(masks).flatten(0, 1).float(),
            on_object=torch.from_numpy(on_object).flatten(),
        )

    def _scene(self, rng: np.random.Generator, clicks: int, size: int) -> tuple[np.ndarray, ...]:
        chosen = [self.drawings[i] for i in rng.integers(len(self.drawings), size=rng.integers(2, 10))]
        sprites = [(self.sprites.pixels[drawing], 0) for drawing in chosen]
        photograph = self.photographs is not None and rng.random() < self.photograph_share
        background = self.photographs if photograph and self.photographs else texture
        sides = (self.sides[0] * size, self.sides[1] * size)
        scene = scatter(rng, background(rng, size), sprites, sides, max_angle=30, tries=8)
        visible = [mask for mask in scene.masks if mask.any()]
        nothing = ~np.any(scene.masks, axis=0)
        points, masks, on_object = [], [], []
        for _ in range(clicks):
            empty = not visible or (not photograph and rng.random() < self.background_clicks)
            mask = nothing if empty else visible[rng.integers(len(visible))]
            ys, xs = np.nonzero(mask)
            k = rng.integers(len(ys))
            points.append((xs[k] + 0.5, ys[k] + 0.5))
            masks.append(np.zeros_like(mask) if empty else mask)
            on_object.append(not empty)
        return photometric(rng, scene.image), np.array(points), np.stack(masks), np.array(on_object)
