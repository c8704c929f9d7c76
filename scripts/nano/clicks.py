"""Training data of the nano segmenter: scenes with clicks on objects and on the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from nano.augment import photometric
from nano.backgrounds import Photographs, texture
from nano.mosaics import Background
from nano.scenes import scatter
from nano.sprites import SpriteSheet, load_sprites
from ntt.segmenters.base import Prompts


@dataclass(frozen=True)
class PromptGroup:
    """N prompts of one kind with the same number of points, grouped by scene.

    Attributes:
        prompts: N prompts.
        masks: ``(N, m, m)`` float in [0, 1] on any grid over the scene, target mask of each prompt; all zero
            for a click on a texture.
        on_object: ``(N,)`` bool, False for a click on a texture.
    """

    prompts: Prompts
    masks: Tensor
    on_object: Tensor


@dataclass(frozen=True)
class PromptBatch:
    """B scenes with prompts.

    Attributes:
        images: ``(B, 3, S, S)`` float in [0, 1].
        groups: prompts, grouped by kind.
    """

    images: Tensor
    groups: tuple[PromptGroup, ...]


class ClickScenes:
    """Generator of scenes with base-class objects and clicks.

    Args:
        sprites: sprite sheet.
        photographs: photographic backgrounds; they receive no background clicks, because they contain
            objects.
        sides: minimum and maximum side of an object, as a share of the image's side.
        background_clicks: share of clicks on the background, in scenes with a texture.
        clicks: clicks per scene.
        photograph_share: share of scenes with a photograph as background.
    """

    def __init__(
        self,
        sprites: SpriteSheet,
        photographs: Background | None,
        sides: Sequence[float] = (0.1, 0.45),
        background_clicks: float = 0.2,
        clicks: int = 8,
        photograph_share: float = 0.5,
    ) -> None:
        self.sprites, self.photographs = sprites, photographs
        self.sides, self.background_clicks, self.clicks = sides, background_clicks, clicks
        self.photograph_share = photograph_share
        held_out = len(self.sprites.vocabulary.novel) + len(self.sprites.vocabulary.validation)
        self.drawings = [
            (index, vendor)
            for index in range(held_out, len(self.sprites.pixels))
            for vendor in self.sprites.vendors_of(index)
        ]

    @classmethod
    def from_folders(cls, sprites: str, photographs: str | None, **options: Any) -> Self:
        """Create a generator from folders.

        Args:
            sprites: cache folder of the sprites, filled on first use.
            photographs: folder of additional background images; None uses textures only.
            **options: see the class.
        """
        backgrounds = Photographs(Path(photographs)) if photographs else None
        return cls(load_sprites(Path(sprites)), backgrounds, **options)

    def draw(self, rng: np.random.Generator, scenes: int, size: int) -> PromptBatch:
        """Draw scenes of ``size`` pixels."""
        parts = [self._scene(rng, self.clicks, size) for _ in range(scenes)]
        images, points, masks, on_object = (np.stack(part) for part in zip(*parts, strict=True))
        places = torch.from_numpy(points).flatten(0, 1)[:, None].float()
        group = PromptGroup(
            prompts=Prompts(places, torch.ones(len(places), 1, dtype=torch.int32)),
            masks=torch.from_numpy(masks).flatten(0, 1).float(),
            on_object=torch.from_numpy(on_object).flatten(),
        )
        return PromptBatch(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, (group,))

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
