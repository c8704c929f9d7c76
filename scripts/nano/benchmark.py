"""Embedded few-shot benchmark: references of one vendor and target scenes of the others, as COCO files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from nano.augment import photometric
from nano.backgrounds import texture
from nano.scenes import Scene, scatter
from nano.sprites import VENDORS, SpriteSheet
from nano.vocabulary import Emoji, all_emoji

REFERENCE_VENDOR = VENDORS.index("twemoji")
TARGET_VENDORS = tuple(v for v in range(len(VENDORS)) if v != REFERENCE_VENDOR)


@dataclass
class SceneFile:
    """Builder of a COCO annotation file and its image folder."""

    folder: Path
    categories: list[dict[str, Any]]
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, image: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]], category_ids: Sequence[int]
    ) -> None:
        """Write an image as JPEG and add its annotations."""
        image_id = len(self.images) + 1
        file_name = f"{image_id:04d}.jpg"
        Image.fromarray(image).save(self.folder / file_name, quality=88)
        height, width = image.shape[:2]
        self.images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        for mask, category_id in zip(masks, category_ids, strict=True):
            rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
            self.annotations.append(
                {
                    "id": len(self.annotations) + 1,
                    "image_id": image_id,
                    "category_id": category_id,
                    "segmentation": {"size": [height, width], "counts": rle["counts"].decode()},
                    "bbox": [float(v) for v in coco_mask.toBbox(rle)],
                    "area": int(coco_mask.area(rle)),
                    "iscrowd": 0,
                }
            )

    def save(self, file: Path) -> None:
        """Write the annotation file."""
        content = {"categories": self.categories, "images": self.images, "annotations": self.annotations}
        file.write_text(json.dumps(content, separators=(",", ":")) + "\n")


@dataclass(frozen=True)
class Benchmark:
    """Generator of the embedded benchmark.

    Attributes:
        sprites: sprite sheet.
        seed: random seed.
        scenes: number of target scenes.
        shots: references per class.
        scene_size: side of a target scene in pixels.
        reference_size: side of a reference image in pixels.
        objects: minimum and maximum number of objects of the benchmark classes per scene.
        distractors: minimum and maximum number of objects of other classes per scene.
        sides: minimum and maximum side of an object in a scene, in pixels.
    """

    sprites: SpriteSheet
    seed: int = 0
    scenes: int = 64
    shots: int = 10
    scene_size: int = 384
    reference_size: int = 256
    objects: tuple[int, int] = (2, 8)
    distractors: tuple[int, int] = (1, 3)
    sides: tuple[float, float] = (56.0, 170.0)

    def write(self, classes: Sequence[Emoji], folder: Path) -> None:
        """Write ``references.json``, ``targets.json`` and their images for the given classes."""
        index = {emoji.code: i for i, emoji in enumerate(all_emoji(self.sprites.vocabulary))}
        categories = [{"id": k + 1, "name": emoji.name} for k, emoji in enumerate(classes)]
        rows = [index[emoji.code] for emoji in classes]
        rng = np.random.default_rng(self.seed)
        references = SceneFile(_empty(folder / "references"), categories)
        for _ in range(self.shots):
            for k, row in enumerate(rows):
                scene = self._reference(rng, row)
                references.add(scene.image, list(scene.masks), [k + 1])
        references.save(folder / "references.json")
        targets = SceneFile(_empty(folder / "targets"), categories)
        # Draw classes without replacement from a reshuffled deck, so that all occur equally often.
        deck: list[int] = []
        for _ in range(self.scenes):
            wanted = rng.integers(self.objects[0], self.objects[1] + 1)
            while len(deck) < wanted:
                deck += rng.permutation(len(rows)).tolist()
            hand, deck = deck[:wanted], deck[wanted:]
            scene = self._target(rng, rows, hand)
            asked = scene.labels >= 0
            targets.add(scene.image, list(scene.masks[asked]), (scene.labels[asked] + 1).tolist())
        targets.save(folder / "targets.json")

    def _reference(self, rng: np.random.Generator, row: int) -> Scene:
        size = self.reference_size
        sprite = self.sprites.pixels[row, REFERENCE_VENDOR]
        while True:
            scene = scatter(rng, texture(rng, size), [(sprite, 0)], (0.5 * size, 0.7 * size), max_angle=20)
            # References must show the whole object, so redraw if the border cuts it.
            if len(scene.labels) and not _touches_border(scene.masks[0]):
                return Scene(photometric(rng, scene.image, 0.5), scene.masks, scene.labels)

    def _target(self, rng: np.random.Generator, rows: Sequence[int], hand: Sequence[int]) -> Scene:
        first_train = len(self.sprites.vocabulary.novel) + len(self.sprites.vocabulary.validation)
        others = rng.integers(first_train, len(self.sprites.pixels), self._count(rng, self.distractors))
        wanted = [(rows[k], int(k)) for k in hand] + [(int(row), -1) for row in others]
        sprites = []
        for position in rng.permutation(len(wanted)):
            row, label = wanted[position]
            vendors = [v for v in self.sprites.vendors_of(row) if v in TARGET_VENDORS]
            if vendors:
                sprites.append((self.sprites.pixels[row, rng.choice(vendors)], label))
        scene = scatter(rng, texture(rng, self.scene_size), sprites, self.sides, max_angle=20)
        return Scene(photometric(rng, scene.image, 0.5), scene.masks, scene.labels)

    @staticmethod
    def _count(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
        return int(rng.integers(bounds[0], bounds[1] + 1))


def _touches_border(mask: NDArray[np.bool_]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.jpg"):
        file.unlink()
    return folder
