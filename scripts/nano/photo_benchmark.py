"""Photo benchmark: scenes of photographic cut-outs on photographs with exact masks, as COCO files.

A split contains one reference image per class and shot, target scenes with other cut-outs of the same
classes, and empty scenes with distractors only. Options are chosen on ``tuning``; ``reported`` is used for
final results only. The scenes are generated from Debian packages and never stored in the repository.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nano.augment import photometric
from nano.backgrounds import Photographs
from nano.benchmark import SceneFile
from nano.cutouts import (
    REPORTED_CLASSES,
    TUNING_CLASSES,
    CutOut,
    background_folders,
    load_cut_outs,
    of_class,
    training_cut_outs,
)
from nano.scenes import Placed, Scene, paint
from ntt.data import pick
from ntt.data.photos import PARTS, split_folder

SPLITS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"tuning": TUNING_CLASSES, "reported": REPORTED_CLASSES}
JPEG_QUALITY = 92
BACKGROUND_SIDE = 2000  # backgrounds are shrunk to this longer side in pixels

# Wallpapers that are photographs; the others are drawings and abstract renderings.
PHOTOGRAPHS = {
    "mate-backgrounds": ("usr/share/backgrounds/mate/nature",),
    "plasma-workspace-wallpapers": tuple(
        f"usr/share/wallpapers/{name}"
        for name in (
            "BytheWater",
            "ColdRipple",
            "ColorfulCups",
            "DarkestHour",
            "EveningGlow",
            "FallenLeaf",
            "Grey",
            "Kite",
            "OneStandsOut",
            "Path",
            "summer_1am",
        )
    ),
}
# Cut-outs whose class is ambiguous; they are not used as distractors.
_AMBIGUOUS = re.compile(
    r"donkey_eating|guitar_electric_bass|sliced_orange|vegetables/mushroom|football|toys/grannysmith"
    r"|bovines/(bison|yak|gnu|indian_blackbuck)|space/(moon|planets)"
)


def packages_folder(cache: Path) -> Path:
    """Return the folder of downloaded packages below the cache folder."""
    return cache / "photos"


@dataclass(frozen=True)
class PhotoBenchmark:
    """Generator of the scenes of one split.

    Attributes:
        classes: cut-outs by class name; the first ones are the references.
        distractors: cut-outs of other classes.
        backgrounds: background photographs.
        seed: random seed.
        shots: references per class; each class keeps at least one cut-out for the targets.
        scenes: number of target scenes.
        empty: number of scenes with distractors only.
        image_sides: minimum and maximum side of a target image in pixels.
        reference_size: width and height of a reference image; smaller for small cut-outs.
        sides: minimum and maximum side of an object, relative to the shorter side of the target image.
        reference_sides: the same for reference images.
        enlarged: maximum enlargement of a cut-out relative to its native size.
        objects: minimum and maximum number of objects of the classes in a target scene.
        most_classes: maximum number of classes in a target scene.
        distracting: maximum number of distractors in a target scene.
        copies: share of the target scenes with touching copies of one object.
    """

    classes: Mapping[str, Sequence[CutOut]]
    distractors: Sequence[CutOut]
    backgrounds: Photographs
    seed: int = 0
    shots: int = 1
    scenes: int = 40
    empty: int = 20
    image_sides: tuple[int, int] = (480, 800)
    reference_size: tuple[int, int] = (640, 480)
    sides: tuple[float, float] = (0.12, 0.6)
    reference_sides: tuple[float, float] = (0.35, 0.7)
    enlarged: float = 2.0
    objects: tuple[int, int] = (1, 6)
    most_classes: int = 3
    distracting: int = 2
    copies: float = 0.2

    @property
    def references(self) -> dict[str, Sequence[CutOut]]:
        """Reference cut-outs by class."""
        return {name: each[: min(self.shots, len(each) - 1)] for name, each in self.classes.items()}

    @property
    def target_cut_outs(self) -> dict[str, Sequence[CutOut]]:
        """Cut-outs of the target scenes by class, without references."""
        return {name: each[len(self.references[name]) :] for name, each in self.classes.items()}

    def write(self, folder: Path) -> None:
        """Write ``references.json``, ``targets.json``, ``empty.json`` and their image folders."""
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        categories = [{"id": k + 1, "name": name} for k, name in enumerate(self.classes)]
        files = {name: _PhotoSceneFile(part / name, categories) for name in ("references", *PARTS)}
        for file in files.values():
            file.folder.mkdir(parents=True)
        for shot in range(self.shots):
            for label, cut_outs in enumerate(self.references.values()):
                if shot < len(cut_outs):
                    scene = self.reference(self._rng(0, shot, label), cut_outs[shot], label)
                    files["references"].add(scene.image, list(scene.masks), [label + 1])
        # Draw classes without replacement from a reshuffled deck, so that all occur equally often.
        deck: list[int] = []
        for index in range(self.scenes):
            rng = self._rng(1, index)
            wanted = int(rng.integers(1, min(self.most_classes, len(self.classes)) + 1))
            if len(set(deck)) < wanted:
                deck += rng.permutation(len(self.classes)).tolist()
            hand = list(dict.fromkeys(deck))[:wanted]
            for label in hand:
                deck.remove(label)
            scene = self.target(rng, hand)
            asked = scene.labels >= 0
            files["targets"].add(scene.image, list(scene.masks[asked]), (scene.labels[asked] + 1).tolist())
        for index in range(self.empty):
            rng = self._rng(2, index)
            files["empty"].add(self._scene(rng, [], int(rng.integers(1, 5)), copied=False).image, [], [])
        for name, file in files.items():
            file.save(part / f"{name}.json")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)

    def reference(self, rng: np.random.Generator, cut_out: CutOut, label: int) -> Scene:
        """Draw a reference image that shows one whole object."""
        share = float(rng.uniform(*self.reference_sides))
        width, height = self.reference_size
        # To limit the enlargement, use the smallest relative side, and a smaller image if necessary.
        side = min(share * min(width, height), self.enlarged * cut_out.side)
        side = max(side, self.reference_sides[0] * min(width, height))
        shrunk = min(1.0, self.enlarged * cut_out.side / side)
        width, height, side = round(width * shrunk), round(height * shrunk), side * shrunk
        background = self._background(rng, height, width)
        while True:
            item = _placed(rng, cut_out, label, side, (width, height), max_angle=10)
            mask = _own_mask(item, (height, width))
            if not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()):
                return _finished(rng, background, [item])

    def target(self, rng: np.random.Generator, labels: Sequence[int]) -> Scene:
        """Draw a scene with objects of the given classes; distractors have label -1."""
        fewest, most = self.objects
        count = max(int(rng.integers(fewest, most + 1)), len(labels))
        hand = [*labels, *rng.choice(labels, count - len(labels)).tolist()]
        return self._scene(
            rng, hand, int(rng.integers(self.distracting + 1)), bool(rng.random() < self.copies)
        )

    def _scene(
        self, rng: np.random.Generator, labels: Sequence[int], distractors: int, copied: bool
    ) -> Scene:
        """Draw a scene with objects of classes ``labels`` and distractors; ``copied`` repeats one object."""
        shape = self._shape(rng)
        layout = _Layout(shape)
        left = list(labels)
        if copied:
            number = int(rng.integers(3, 6))
            if self._add_copies(rng, layout, self._cut_out(rng, left[0]), left[0], number):
                left = left[1:][: self.objects[1] - number]
        wanted = [(self._cut_out(rng, label), label) for label in [*left, *[-1] * distractors]]
        # Paint large objects first, so that they do not hide small ones.
        sized = [(self._side(rng, shape, cut_out), cut_out, label) for cut_out, label in wanted]
        for side, cut_out, label in sorted(sized, key=lambda each: -each[0]):
            self._add(rng, layout, cut_out, label, side)
        if labels and all(item.label < 0 for item in layout.items):
            return self._scene(rng, labels, distractors, copied)
        return _finished(rng, self._background(rng, *shape), layout.items)

    def _add(
        self, rng: np.random.Generator, layout: _Layout, cut_out: CutOut, label: int, side: float
    ) -> None:
        """Place one object, or skip it if there is no room."""
        least = min(side, self.sides[0] * min(layout.shape))
        for _ in range(40):
            height, width = layout.shape
            if layout.add([_placed(rng, cut_out, label, side, (width, height), max_angle=20)]):
                return
            side = max(least, side * 0.95)

    def _add_copies(
        self, rng: np.random.Generator, layout: _Layout, cut_out: CutOut, label: int, number: int
    ) -> bool:
        """Add one or two rows of touching copies of an object; return whether there was room."""
        height, width = layout.shape
        side = self._side(rng, layout.shape, cut_out, most=0.35)
        least = min(side, self.sides[0] * height, self.sides[0] * width)
        for _ in range(60):
            first = _placed(rng, cut_out, label, side, (width, height), max_angle=20)
            mask = _own_mask(replace(first, centre=(width / 2, height / 2)), layout.shape)
            step = 0.87 * mask.any(0).sum(), 0.87 * mask.any(1).sum()
            columns = number if rng.random() < 0.5 else (number + 1) // 2
            # Place the first copy such that the last one is inside the image.
            room = width - step[0] * columns, height - step[1] * (1 + (number - 1) // columns)
            start = [each / 2 + max(0.0, free) * rng.random() for each, free in zip(step, room, strict=True)]
            copies = [
                replace(
                    first,
                    side=side * rng.uniform(0.92, 1.08),
                    centre=(
                        start[0] + step[0] * (index % columns + rng.uniform(-0.05, 0.05)),
                        start[1] + step[1] * (index // columns + rng.uniform(-0.08, 0.08)),
                    ),
                    angle=first.angle + rng.uniform(-8, 8),
                )
                for index in range(number)
            ]
            if layout.add(copies):
                return True
            side = max(least, side * 0.95)
        return False

    def _cut_out(self, rng: np.random.Generator, label: int) -> CutOut:
        """Choose a random cut-out of a class for a target scene, or a distractor for label -1."""
        pool = self.distractors if label < 0 else list(self.target_cut_outs.values())[label]
        return pool[int(rng.integers(len(pool)))]

    def _side(
        self, rng: np.random.Generator, shape: tuple[int, int], cut_out: CutOut, most: float = 1.0
    ) -> float:
        bounds = (self.sides[0], min(most, self.sides[1]))
        side = min(shape) * float(np.exp(rng.uniform(*np.log(bounds))))
        return min(side, self.enlarged * cut_out.side)

    def _shape(self, rng: np.random.Generator) -> tuple[int, int]:
        """Choose height and width of a target image; a quarter of the images are square."""
        height, width = (int(each) for each in rng.integers(*self.image_sides, 2, endpoint=True))
        return (height, height) if rng.random() < 0.25 else (height, width)

    def _background(self, rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
        square = self.backgrounds(rng, max(height, width))
        top, left = (int(rng.integers(len(square) - each + 1)) for each in (height, width))
        return square[top : top + height, left : left + width].copy()

    def _rng(self, *place: int) -> np.random.Generator:
        """Create a random generator per image, so that images are independent of each other."""
        return np.random.default_rng([self.seed, *place])


def build(folder: Path, packages: Path, splits: Sequence[str] = tuple(SPLITS), shots: int = 1) -> list[Path]:
    """Generate missing splits; download the packages on first use.

    Args:
        folder: folder of the benchmark.
        packages: folder of the Debian packages.
        splits: names of the splits.
        shots: references per class.

    Returns:
        The folder of each split.

    Raises:
        InputError: unknown split.
    """
    roots = {split: split_folder(folder, split, shots) for split in splits}
    absent = {split: root for split, root in roots.items() if not root.exists()}
    for split in absent:
        pick(split, SPLITS, "split")
    if absent:
        cut_outs = load_cut_outs(packages)
        distractors = [each for each in training_cut_outs(cut_outs) if not _AMBIGUOUS.search(each.name)]
        background_folders(packages)
        photographs = [packages / package / each for package, all_ in PHOTOGRAPHS.items() for each in all_]
        backgrounds = Photographs(*photographs, longest_side=BACKGROUND_SIDE)
        for split, root in absent.items():
            classes = {name: of_class(cut_outs, names) for name, names in SPLITS[split].items()}
            seed = list(SPLITS).index(split)
            PhotoBenchmark(classes, distractors, backgrounds, seed, shots).write(root)
    return list(roots.values())


class _PhotoSceneFile(SceneFile):
    """COCO file builder with higher JPEG quality."""

    def add(
        self, image: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]], category_ids: Sequence[int]
    ) -> None:
        super().add(image, masks, category_ids)
        Image.fromarray(image).save(self.folder / self.images[-1]["file_name"], quality=JPEG_QUALITY)


class _Layout:
    """Placed objects of a scene, in painting order.

    Args:
        shape: height and width of the image.
    """

    VISIBLE = 0.6  # minimum visible share of an object
    INSIDE = 0.85  # minimum share of an object inside the image
    COVERING = 0.4  # maximum share of an object in front of others, so that none lies completely on another

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.items: list[Placed] = []
        self._whole: list[int] = []  # area of each object in pixels, ignoring occlusion
        self._visible: list[NDArray[np.bool_]] = []

    def add(self, items: Sequence[Placed]) -> bool:
        """Add objects if all of them have room; return whether they were added."""
        whole, visible = list(self._whole), list(self._visible)
        for item in items:
            mask = _own_mask(item, self.shape)
            full = max(1.0, float((item.sprite[..., 3] >= 128).mean()) * item.side**2)
            inside, covering = mask.sum(), sum((mask & each).sum() for each in visible)
            if inside < self.INSIDE * full or covering > self.COVERING * inside:
                return False
            visible = [each & ~mask for each in visible] + [mask]
            whole.append(int(mask.sum()))
        if any(seen.sum() < self.VISIBLE * size for seen, size in zip(visible, whole, strict=True)):
            return False
        self.items += items
        self._whole, self._visible = whole, visible
        return True


def _placed(
    rng: np.random.Generator,
    cut_out: CutOut,
    label: int,
    side: float,
    size: tuple[int, int],
    max_angle: float,
) -> Placed:
    """Place a cut-out at a random position in an image of width and height ``size``."""
    return Placed(
        sprite=cut_out.pixels,
        label=label,
        side=side,
        centre=(rng.uniform(0, size[0]), rng.uniform(0, size[1])),
        angle=rng.uniform(-max_angle, max_angle),
        mirrored=bool(rng.random() < 0.5),
    )


def _own_mask(item: Placed, shape: tuple[int, int]) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = paint(np.zeros((*shape, 3), np.uint8), [item]).masks[0]
    return mask


def _finished(rng: np.random.Generator, background: NDArray[np.uint8], items: Sequence[Placed]) -> Scene:
    """Paint the objects with lighting of the background and shadows, then add camera effects."""
    lit = [replace(item, sprite=_lit(rng, item, background)) for item in items]
    scene = paint(_shadowed(rng, background, items), lit)
    image = scene.image
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.8)), np.uint8)
    image = photometric(rng, image, 0.5)
    grain = rng.normal(0, rng.uniform(1, 4), (*image.shape[:2], 1)) + rng.normal(0, 1, image.shape)
    return replace(scene, image=np.clip(image + grain, 0, 255).astype(np.uint8))


def _lit(rng: np.random.Generator, item: Placed, background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shift brightness and tint of the sprite slightly towards its surroundings; alpha is unchanged."""
    left, top = (int(max(0, each - item.side / 2)) for each in item.centre)
    around = background[top : top + int(item.side) + 1, left : left + int(item.side) + 1].reshape(-1, 3)
    opaque = item.sprite[item.sprite[..., 3] >= 128][:, :3]
    theirs, mine = around.mean(0) + 20, opaque.mean(0) + 20
    brightness = (theirs.mean() / mine.mean()) ** rng.uniform(0.1, 0.35)
    tint = (theirs / theirs.mean()) ** rng.uniform(0.05, 0.2)
    gain = np.clip(brightness, 0.6, 1.3) * tint
    colours = np.clip(item.sprite[..., :3] * gain, 0, 255)
    return np.dstack([colours, item.sprite[..., 3:]]).astype(np.uint8)


def _shadowed(
    rng: np.random.Generator, background: NDArray[np.uint8], items: Sequence[Placed]
) -> NDArray[np.uint8]:
    """Add soft shadows of the objects to the background, all in the same direction."""
    if not items or rng.random() < 0.25:
        return background
    shift = rng.uniform(-0.12, 0.12), rng.uniform(0.03, 0.12)
    depth = rng.uniform(0.25, 0.55)
    dark = np.zeros(background.shape[:2], np.float32)
    for item in items:
        centre = (item.centre[0] + shift[0] * item.side, item.centre[1] + shift[1] * item.side)
        mask = _own_mask(replace(item, centre=centre), background.shape[:2]).astype(np.float32)
        dark = np.maximum(dark, cv2.GaussianBlur(mask, (0, 0), 0.06 * item.side))
    return np.asarray(background * (1 - depth * dark[..., None]), np.uint8)
