"""Converter of YOLO annotations: one text file per image, one line per box or polygon."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from math import prod
from pathlib import Path
from typing import Any

from supervision.dataset.formats.yolo import yolo_annotations_to_detections

from ntt.data.converters.coco import CocoBuilder, box_shape, images_below, outline_shape, twin_folders
from ntt.data.images import Size
from ntt.data.validation import shown
from ntt.errors import InputError
from ntt.io import read_yaml

IMAGE_FOLDERS, LABELS = ("images", "jpegimages"), ("labels",)
NAMES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names")
TEXTS = (".txt", ".names")
BOX = 5  # fields of a line: class, x and y of the centre, width and height
LONGEST_BOX = 6  # fields of a box with a score


def convert_yolo(coco: CocoBuilder, names: Path | None = None) -> None:
    """Add all images below the root and the objects in their text files.

    The text file is in the folder of the image, or in ``labels`` for an image in ``images``. An image without
    a text file has no objects. Boxes are read with supervision; polygons keep their vertices.

    Args:
        coco: builder that collects the images and objects.
        names: ``data.yaml``, or a text file with one class per line; None searches the root and its parent.

    Raises:
        InputError: there is no image, no text file for any image, or no file of class names.
    """
    images = images_below(coco.root)
    classes = _read_classes(names or _names_of(coco.root))
    labels = {image_file: _labels_of(image_file) for image_file in images}
    if not any(labels.values()):
        raise InputError(f"{coco.root}: no image has a text file in the same folder or in labels; add them")
    for image_file, file in labels.items():
        with coco.noting(image_file):
            image = coco.add_image(image_file)
            if file is not None:
                with coco.noting(file):
                    _add(coco, image, file, classes)


def _labels_of(image: Path) -> Path | None:
    for folder in twin_folders(image.parent, IMAGE_FOLDERS, LABELS):
        if (file := folder / f"{image.stem}.txt").is_file():
            return file
    return None


@dataclass(frozen=True)
class _Classes:
    """Class names by number, and the number of key point values after a box."""

    file: Path
    names: dict[int, str]
    key_points: int

    def __getitem__(self, number: int) -> str:
        if not self.names.get(number):
            raise ValueError(f"class {number} is not in {self.file}")
        return self.names[number]


def _read_classes(file: Path) -> _Classes:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines() if file.suffix in TEXTS else None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({' '.join(str(error).split())}); correct it") from None
    content = read_yaml(file) if lines is None else {"names": lines}
    names: Any = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    try:
        classes = {int(number): str(name).strip() for number, name in names.items()}
        key_points = prod(map(int, content.get("kpt_shape", [0])))
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            f"{file}: names must be a list of classes, and kpt_shape must be two numbers; correct them"
        ) from None
    return _Classes(file, classes, key_points)


def _names_of(root: Path) -> Path:
    for folder in (root, root.absolute().parent):
        for name in NAMES:
            if (folder / name).is_file():
                return folder / name
    raise InputError(f"{root}: no class names ({', '.join(NAMES)}) in the folder or its parent; set --names")


def _add(coco: CocoBuilder, image: dict[str, Any], file: Path, classes: _Classes) -> None:
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        with coco.noting(f"{file}: line {number}"):
            if line.strip():
                coco.add_object(image, *_object(line, (image["height"], image["width"]), classes))


def _object(line: str, size: Size, classes: _Classes) -> tuple[str, dict[str, Any]]:
    fields = line.split()
    if classes.key_points and len(fields) == BOX + classes.key_points:
        fields = fields[:BOX]
    height, width = size
    try:
        found = yolo_annotations_to_detections([" ".join(fields)], (width, height), with_masks=False)
    except OverflowError:
        raise ValueError(f"class {shown(fields[0])} is too large") from None
    assert found.class_id is not None
    category = classes[int(found.class_id[0])]
    if len(fields) <= LONGEST_BOX:
        return category, box_shape(found.xyxy[0], size)
    numbers = [float(text) for text in fields[1:]]
    pairs = numbers[: len(numbers) // 2 * 2]  # drop a trailing score
    return category, outline_shape([[n * side for n, side in zip(pairs, cycle((width, height)))]], size)
