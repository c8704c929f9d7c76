"""Training scenes of ``sam2_lite``: photographic cut-outs on photographs, with all kinds of prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from nano.augment import photometric, recolour
from nano.backgrounds import Photographs, texture
from nano.clicks import PromptBatch, PromptGroup
from nano.cutouts import CutOut, background_folders, load_cut_outs, training_cut_outs
from nano.scenes import Placed, Scene, paint
from ntt.segmenters.base import MASK_LOGIT, Prompts

LEAST_PIXELS = 80  # minimum visible pixels of a prompted object
LEAST_VISIBLE = 0.35  # minimum visible share of a prompted object
MOST_ENLARGED = 2.5  # maximum enlargement of a cut-out relative to its photograph
SHAPE_SIDE = 256  # side of a random shape in pixels
GRIDS = (12, 64)  # minimum and maximum cells per side of the grids of coarse masks


class PhotoScenes:
    """Generator of scenes of cut-outs with clicks, point sets, boxes and coarse masks as prompts.

    Args:
        cache: folder of the downloaded packages, filled on first use.
        clicks: prompts with one point on the object, per scene.
        points: prompts with two to four points on and near the object, per scene.
        boxes: prompts with a box, each edge shifted by up to a tenth of the side, per scene.
        coarse: prompts with a coarse mask, its box and a point, like those of ``refine=segmenter``, per
            scene.
        background_clicks: share of clicks on the background in scenes with a texture; their target mask is
            empty.
        large: share of scenes with one to three large objects.
        copies: share of scenes with touching copies of one cut-out.
        shapes: share of objects that are random shapes filled with a photograph or texture.
        textures: share of scenes with a procedural texture as background.
    """

    def __init__(
        self,
        cache: str,
        clicks: int = 5,
        points: int = 2,
        boxes: int = 2,
        coarse: int = 3,
        background_clicks: float = 0.25,
        large: float = 0.4,
        copies: float = 0.25,
        shapes: float = 0.15,
        textures: float = 0.15,
    ) -> None:
        self.cut_outs = training_cut_outs(load_cut_outs(Path(cache)))
        self.backgrounds = Photographs(*background_folders(Path(cache)))
        self.counts = {"clicks": clicks, "points": points, "boxes": boxes, "coarse": coarse}
        self.background_clicks = background_clicks
        self.large, self.copies, self.shapes, self.textures = large, copies, shapes, textures

    def draw(self, rng: np.random.Generator, scenes: int, size: int) -> PromptBatch:
        """Draw scenes of ``size`` pixels."""
        drawn = [self._scene(rng, size) for _ in range(scenes)]
        images = np.stack([photographed(rng, scene.image) for scene, _ in drawn])
        groups = [
            self._clicks(rng, drawn, self.counts["clicks"]),
            self._points(rng, drawn, self.counts["points"]),
            self._boxes(rng, drawn, self.counts["boxes"]),
            self._coarse(rng, drawn, self.counts["coarse"]),
        ]
        return PromptBatch(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, tuple(groups))

    def _scene(self, rng: np.random.Generator, size: int) -> tuple[Scene, bool]:
        """Draw a scene with at least one visible object, and return whether its background is a texture."""
        while True:
            textured = bool(rng.random() < self.textures)
            background = (texture if textured else self.backgrounds)(rng, size)
            kind = rng.random()
            if kind < self.copies:
                placed = self._touching(rng, size)
            elif kind < self.copies + self.large:
                placed = [self._placed(rng, size, (0.3, 0.95)) for _ in range(rng.integers(1, 4))]
            else:
                placed = [self._placed(rng, size, (0.08, 0.5)) for _ in range(rng.integers(1, 8))]
            scene = paint(_shaded(rng, background, placed), placed)
            whole = np.array([item.side**2 * (item.sprite[..., 3] >= 128).mean() for item in placed])
            pixels = scene.masks.sum((1, 2))
            seen = (pixels >= LEAST_PIXELS) & (pixels >= LEAST_VISIBLE * whole)
            if seen.any():
                return Scene(scene.image, scene.masks[seen], scene.labels[seen]), textured

    def _placed(self, rng: np.random.Generator, size: int, sides: tuple[float, float]) -> Placed:
        if rng.random() < self.shapes:
            sprite, native = self._shape(rng), SHAPE_SIDE
        else:
            cut_out: CutOut = self.cut_outs[rng.integers(len(self.cut_outs))]
            sprite, native = self._varied(rng, cut_out.pixels), cut_out.side
        side = size * float(np.exp(rng.uniform(*np.log(sides))))
        return Placed(
            sprite=sprite,
            label=0,
            side=min(side, MOST_ENLARGED * native),
            centre=(rng.uniform(0.05, 0.95) * size, rng.uniform(0.05, 0.95) * size),
            angle=rng.uniform(-30, 30) if rng.random() < 0.7 else rng.uniform(-180, 180),
            mirrored=bool(rng.random() < 0.5),
        )

    def _touching(self, rng: np.random.Generator, size: int) -> list[Placed]:
        """Place copies of one object on a jittered grid, close enough to touch."""
        first = self._placed(rng, size, (0.12, 0.4))
        spacing = first.side * rng.uniform(0.55, 1.0)
        start = (rng.uniform(0.1, 0.5) * size, rng.uniform(0.1, 0.5) * size)
        columns, rows = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        turned = rng.random() < 0.5
        return [
            Placed(
                sprite=self._varied(rng, first.sprite) if rng.random() < 0.3 else first.sprite,
                label=0,
                side=first.side * rng.uniform(0.85, 1.15),
                centre=(
                    start[0] + spacing * (column + rng.uniform(-0.2, 0.2)),
                    start[1] + spacing * (row + rng.uniform(-0.2, 0.2)),
                ),
                angle=rng.uniform(-180, 180) if turned else first.angle + rng.uniform(-15, 15),
                mirrored=bool(rng.random() < 0.5),
            )
            for row in range(rows)
            for column in range(max(columns, 2 if rows == 1 else 1))
        ]

    def _varied(self, rng: np.random.Generator, sprite: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Randomly recolour a third of the sprites, soften edges, and add light from one side."""
        if rng.random() < 1 / 3:
            sprite = recolour(rng, sprite)
        sprite = sprite.copy()
        if rng.random() < 0.7:
            sprite[..., 3] = cv2.GaussianBlur(sprite[..., 3], (0, 0), rng.uniform(0.3, 1.8))
        if rng.random() < 0.3:
            angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.5)
            y, x = np.mgrid[-1 : 1 : sprite.shape[0] * 1j, -1 : 1 : sprite.shape[1] * 1j]
            light = 1 + depth * (x * np.cos(angle) + y * np.sin(angle))
            sprite[..., :3] = np.clip(sprite[..., :3] * light[..., None], 0, 255).astype(np.uint8)
        return sprite

    def _shape(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw a smooth random shape ``(SHAPE_SIDE, SHAPE_SIDE, 4)``, filled with a photograph or texture."""
        angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
        radius = np.ones_like(angles)
        for wave in range(2, rng.integers(3, 8)):
            radius += rng.uniform(0, 0.5 / wave) * np.cos(wave * angles + rng.uniform(0, 2 * np.pi))
        outline = np.stack([radius * np.cos(angles), radius * np.sin(angles) * rng.uniform(0.3, 1)], 1)
        outline *= (SHAPE_SIDE / 2 - 2) / np.abs(outline).max()
        alpha = np.zeros((SHAPE_SIDE, SHAPE_SIDE), np.uint8)
        cv2.fillPoly(alpha, [(outline + SHAPE_SIDE / 2).astype(np.int32)], 255, cv2.LINE_AA)
        fill = (self.backgrounds if rng.random() < 0.6 else texture)(rng, SHAPE_SIDE)
        return self._varied(rng, np.dstack([fill, alpha]))

    def _clicks(self, rng: np.random.Generator, drawn: list[tuple[Scene, bool]], count: int) -> PromptGroup:
        """Draw single clicks anywhere on the object, near its centre, or on a texture without objects."""
        points, masks, on_object = [], [], []
        for scene, textured in drawn:
            nothing = ~np.any(scene.masks, axis=0)
            for _ in range(count):
                empty = textured and nothing.any() and rng.random() < self.background_clicks
                mask = nothing if empty else _one(rng, scene)
                points.append([_inside(rng, mask, central=not empty and rng.random() < 0.5)])
                masks.append(np.zeros_like(mask) if empty else mask)
                on_object.append(not empty)
        return _group(points, np.ones((len(points), 1)), masks, on_object)

    def _points(self, rng: np.random.Generator, drawn: list[tuple[Scene, bool]], count: int) -> PromptGroup:
        """Draw two to four points like user corrections: the first on the object, others on or near it."""
        number = int(rng.integers(2, 5))
        points, labels, masks = [], [], []
        for scene, _ in drawn:
            for _ in range(count):
                mask = _one(rng, scene)
                around = cv2.dilate(mask.astype(np.uint8), np.ones((41, 41), np.uint8)).astype(bool) & ~mask
                signs = [1] + [int(rng.random() < 0.5 or not around.any()) for _ in range(number - 1)]
                points.append([_inside(rng, mask if sign else around) for sign in signs])
                labels.append(signs)
                masks.append(mask)
        return _group(points, np.array(labels), masks)

    def _boxes(self, rng: np.random.Generator, drawn: list[tuple[Scene, bool]], count: int) -> PromptGroup:
        masks = [_one(rng, scene) for scene, _ in drawn for _ in range(count)]
        corners = [_corners(rng, mask) for mask in masks]
        return _group(corners, np.tile([2, 3], (len(masks), 1)), masks)

    def _coarse(self, rng: np.random.Generator, drawn: list[tuple[Scene, bool]], count: int) -> PromptGroup:
        """Draw coarse masks with a box and a point, like prompts from a patch grid."""
        masks = [_one(rng, scene) for scene, _ in drawn for _ in range(count)]
        rough = [coarse_mask(rng, mask) for mask in masks]
        points = [
            [_inside(rng, mask & each if (mask & each).any() else mask), *_corners(rng, each)]
            for mask, each in zip(masks, rough, strict=True)
        ]
        group = _group(points, np.tile([1, 2, 3], (len(masks), 1)), masks)
        shares = torch.from_numpy(np.stack([_shares(each) for each in rough]))[:, None]
        prompts = Prompts(group.prompts.points, group.prompts.labels, MASK_LOGIT * (2 * shares - 1))
        return PromptGroup(prompts, group.masks, group.on_object)


def photographed(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add camera colours, blur, noise and JPEG artefacts to the whole scene, to hide the pasted edges."""
    image = photometric(rng, image)
    size = image.shape[0]
    if rng.random() < 0.3:
        smaller = round(size * rng.uniform(0.4, 0.9))
        image = np.asarray(cv2.resize(image, (smaller, smaller), interpolation=cv2.INTER_AREA), np.uint8)
        image = np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < 0.5:
        _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))])
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return image


def coarse_mask(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Imitate a mask ``(S, S)`` bool predicted on a patch grid, with errors; never empty."""
    size = mask.shape[0]
    cells = int(np.exp(rng.uniform(*np.log(GRIDS))))
    shares: Any = cv2.resize(mask.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA)
    waves = rng.normal(0, 1, (max(2, cells // 3),) * 2).astype(np.float32)
    noise = cv2.resize(waves, (cells, cells), interpolation=cv2.INTER_CUBIC)
    noisy: NDArray[np.float32] = (
        shares + rng.uniform(0, 0.35) * noise * (cv2.blur(shares, (3, 3)) > 0) + rng.uniform(-0.2, 0.2)
    )
    rough = (
        np.asarray(cv2.resize(noisy.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)) > 0.5
    )
    return rough if rough.any() else mask


def _shaded(
    rng: np.random.Generator, background: NDArray[np.uint8], placed: list[Placed]
) -> NDArray[np.uint8]:
    """Randomly add soft shadows of the objects to the background."""
    if rng.random() < 0.6:
        return background
    size = background.shape[0]
    shift = rng.uniform(-0.15, 0.15, 2)
    moved = [
        Placed(
            item.sprite,
            0,
            item.side,
            (item.centre[0] + shift[0] * item.side, item.centre[1] + shift[1] * item.side),
            item.angle,
            item.mirrored,
        )
        for item in placed
    ]
    dark: Any = paint(np.zeros_like(background), moved).masks.any(axis=0)
    softness, strength = rng.uniform(0.005, 0.03) * size, rng.uniform(0.2, 0.7)
    dark = strength * np.asarray(cv2.GaussianBlur(dark.astype(np.float32), (0, 0), softness))
    return np.asarray(background * (1 - dark[..., None]), np.uint8)


def _one(rng: np.random.Generator, scene: Scene) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = scene.masks[rng.integers(len(scene.masks))]
    return mask


def _inside(rng: np.random.Generator, mask: NDArray[np.bool_], central: bool = False) -> tuple[float, float]:
    """Choose a random pixel of a mask; with ``central``, far from its edge."""
    if central:
        depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
        mask = depth >= 0.6 * depth.max()
    pixels = np.flatnonzero(mask)
    y, x = divmod(int(pixels[rng.integers(len(pixels))]), mask.shape[1])
    return x + 0.5, y + 0.5


def _corners(rng: np.random.Generator, mask: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return the upper left and lower right corner of a mask's box, with each edge slightly shifted."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x1, y1, x2, y2 = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    off = rng.normal(0, 0.04, 4).clip(-0.1, 0.1) * (rng.random() < 0.8)
    width, height = x2 - x1, y2 - y1
    return [
        (x1 + off[0] * width, y1 + off[1] * height),
        (x2 + off[2] * width, y2 + off[3] * height),
    ]


def _group(
    points: list[list[tuple[float, float]]],
    labels: NDArray[np.integer] | NDArray[np.floating],
    masks: list[NDArray[np.bool_]],
    on_object: list[bool] | None = None,
) -> PromptGroup:
    asked = torch.ones(len(masks), dtype=torch.bool) if on_object is None else torch.tensor(on_object)
    prompts = Prompts(torch.tensor(points).float(), torch.from_numpy(labels).int())
    return PromptGroup(prompts, torch.from_numpy(np.stack([_shares(mask) for mask in masks])), asked)


def _shares(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Compute the covered share of each cell of the segmenter's mask grid, at a quarter of the resolution."""
    size = (mask.shape[1] // 4, mask.shape[0] // 4)
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
