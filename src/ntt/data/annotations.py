"""Reading COCO annotation files that people and tools have written, with every mistake found at once."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ntt.data.json_files import read_json
from ntt.data.masks import Rle, encode_segmentation, mask_area, mask_box
from ntt.data.prompts import read_prompt
from ntt.data.values import is_number, shown, whole
from ntt.errors import InputError
from ntt.structures import Prompt

logger = logging.getLogger(__name__)

LONGEST_SIDE = 65535  # pixels, the most that JPEG can hold
MOST_RARE, MOST_COMMON = 10, 100  # training images that show a category which LVIS calls so
LARGEST_ID = 2**53  # ids beyond it do not survive other readers of JSON
SLIPS = 0.01  # share of a file's annotations whose shapes may be unusable; more are a mistake of the file


@dataclass(frozen=True)
class ImageEntry:
    """An entry of ``images``; sizes in pixels.

    LVIS files say of each image which categories are known to be absent (``negative``) and which have more
    objects than are annotated (``not_exhaustive``); None where the file does not.
    """

    id: int | str
    file_name: str
    height: int
    width: int
    negative: tuple[int, ...] | None = None
    not_exhaustive: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Annotation:
    """An entry of ``annotations``; box as x, y, width, height in pixels; ``difficult`` as in PASCAL VOC.

    Where a prompt stands for the mask, mask and box are empty. ``mask_source`` is as the file has it.
    """

    id: int | str
    image_id: int | str
    category_id: int
    mask: Rle
    box: list[float]
    area: float
    crowd: bool
    prompt: Prompt | None
    mask_source: Any
    difficult: bool = False


@dataclass(frozen=True)
class AnnotationFile:
    """What could be read of a file.

    Attributes:
        file: where it was read.
        images: by id, in file order.
        categories: names by id, in file order.
        annotations: in file order.
        problems: one line for each thing that could not be read, naming file, entry and field.
        frequencies: "r", "c" or "f" (rare, common, frequent) by category id, where LVIS files say it.
    """

    file: Path
    images: dict[int | str, ImageEntry]
    categories: dict[int, str]
    annotations: tuple[Annotation, ...]
    problems: tuple[str, ...]
    frequencies: dict[int, str]

    def sound(self) -> AnnotationFile:
        """This file, if nothing is wrong with it.

        Raises:
            InputError: the problems, one a line.
        """
        if self.problems:
            raise InputError("\n".join(self.problems))
        return self


def read_annotations(
    file: Path,
    if_absent: str = "correct the path",
    prompts: bool = False,
    boxes: bool = False,
    classes: Collection[str] | None = None,
    limit: int | None = None,
) -> AnnotationFile:
    """Read an annotation file of instances; what is broken is left out and listed in ``problems``.

    Large data sets hold a few shapes that are of no use: a polygon of two points, a box without width. Up to
    one in a hundred annotations with such a shape are left out with a warning, and are no problem.

    Args:
        file: in COCO's format, or LVIS's, whose images have a ``coco_url`` in place of a ``file_name``.
        if_absent: what to do where there is no such file, for the message.
        prompts: whether the annotations are examples: a ``bbox`` or ``points`` may stand for a segmentation,
            and none may be empty.
        boxes: take the ``bbox``, filled, for the mask, and no segmentation.
        classes: annotations of categories with other names are passed over unread; None reads all.
        limit: so are those of images after the first so many.
    """
    reader = _Reader(file, if_absent, prompts, boxes, classes, limit)
    content = reader.content()
    images = reader.images(content)
    categories = reader.categories(content)
    annotations = reader.annotations(content, images, categories)
    problems = tuple(reader.problems)
    return AnnotationFile(file, images, categories, annotations, problems, reader.frequencies)


class _Broken(Exception):
    """An entry or field is unusable; the text says why."""


class _Slip(_Broken):
    """An annotation's shape is unusable, but what it belongs to is clear."""


class _Reader:
    """Walks through one file, collecting problems."""

    def __init__(
        self,
        file: Path,
        if_absent: str,
        prompts: bool,
        boxes: bool,
        classes: Collection[str] | None,
        limit: int | None,
    ) -> None:
        self.file = file
        self.if_absent = if_absent
        self.prompts = prompts
        self.boxes = boxes
        self.classes = classes
        self.limit = limit
        self.problems: list[str] = []
        self.frequencies: dict[int, str] = {}

    def content(self) -> dict[str, Any]:
        try:
            return read_json(self.file, "images, annotations and categories", self.if_absent)
        except InputError as error:
            self.problems.append(str(error))
            return {}

    def images(self, content: dict[str, Any]) -> dict[int | str, ImageEntry]:
        images: dict[int | str, ImageEntry] = {}
        positions: dict[int | str, int] = {}
        for position, entry in self._entries(content, "images"):
            try:
                image = ImageEntry(
                    _identity(entry, "id"),
                    _file_name(entry),
                    _side(entry, "height"),
                    _side(entry, "width"),
                    _identities(entry, "neg_category_ids"),
                    _identities(entry, "not_exhaustive_category_ids"),
                )
                _register(image.id, "images", position, positions)
            except _Broken as error:
                self._complain_of("images", position, entry, error)
            else:
                images[image.id] = image
        return images

    def categories(self, content: dict[str, Any]) -> dict[int, str]:
        categories: dict[int, str] = {}
        positions: dict[int | str, int] = {}
        for position, entry in self._entries(content, "categories"):
            try:
                identity, category = _number(entry, "id"), _text(entry, "name")
                if category in categories.values():
                    raise _Broken(f"name {category!r} is taken by another category; rename one")
                _register(identity, "categories", position, positions)
            except _Broken as error:
                self._complain_of("categories", position, entry, error)
            else:
                categories[identity] = category
                if (frequency := _frequency(entry)) is not None:
                    self.frequencies[identity] = frequency
        return categories

    def annotations(
        self, content: dict[str, Any], images: dict[int | str, ImageEntry], categories: dict[int, str]
    ) -> tuple[Annotation, ...]:
        annotations: list[Annotation] = []
        positions: dict[int | str, int] = {}
        slips: set[str] = set()
        asked = categories.values() if self.classes is None else self.classes
        others = {identity for identity, name in categories.items() if name not in asked}
        later = set(list(images)[len(images) if self.limit is None else self.limit :])
        for position, entry in self._entries(content, "annotations"):
            if _among(entry.get("category_id"), others) or _among(entry.get("image_id"), later):
                continue
            try:
                annotation = _annotation(entry, images, categories, self.prompts, self.boxes)
                _register(annotation.id, "annotations", position, positions)
            except _Broken as error:
                self._complain_of("annotations", position, entry, error)
                if isinstance(error, _Slip):
                    slips.add(self.problems[-1])
            else:
                annotations.append(annotation)
        self._forgive(slips, content)
        return tuple(annotations)

    def _forgive(self, slips: set[str], content: dict[str, Any]) -> None:
        """Warn of the slips and take them off the problems, if they are few."""
        if slips and len(slips) <= SLIPS * (total := len(content["annotations"])):
            first = next(line for line in self.problems if line in slips)
            logger.warning(
                "%s (%d of %d annotations are left out for such reasons)", first, len(slips), total
            )
            self.problems = [line for line in self.problems if line not in slips]

    def _entries(self, content: dict[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of a list, each with its position."""
        if not content:
            return  # said already
        entries = content.get(key)
        if not isinstance(entries, list):
            self._complain(f"{key} is {'missing' if key not in content else 'not a list'}; add it")
            return
        for position, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield position, entry
            else:
                self._complain(f"{key}[{position}]: is not an object; remove it")

    def _complain_of(self, key: str, position: int, entry: dict[str, Any], error: _Broken) -> None:
        """Call the entry ``annotations[3] (id 12)``."""
        identity = f" (id {shown(entry['id'])})" if "id" in entry else ""
        self._complain(f"{key}[{position}]{identity}: {error}")

    def _complain(self, what: str) -> None:
        self.problems.append(f"{self.file}: {what}")


def _annotation(
    entry: dict[str, Any],
    images: dict[int | str, ImageEntry],
    categories: dict[int, str],
    prompts: bool,
    boxes: bool,
) -> Annotation:
    identity, image_id = _identity(entry, "id"), _identity(entry, "image_id")
    category_id = _number(entry, "category_id")
    if image_id not in images:
        shown_id = shown(image_id)
        raise _Broken(f"image_id {shown_id} is not among the images; add the image or remove the annotation")
    if category_id not in categories:
        raise _Broken(f"category_id {category_id} is not among the categories; add or correct it")
    image = images[image_id]
    prompt = _prompt(entry, image) if prompts else None
    mask = encode_segmentation([], image.height, image.width) if prompt else _mask(entry, image, boxes)
    crowd, difficult = _flag(entry, "iscrowd"), _flag(entry, "difficult")
    if prompts and prompt is None and not crowd and mask_area(mask) == 0:
        raise _Slip("segmentation is empty; draw it or remove the annotation")
    box, area = mask_box(mask) if prompt else _box(entry, mask), _area(entry, mask)
    source = entry.get("mask_source")
    return Annotation(identity, image_id, category_id, mask, box, area, crowd, prompt, source, difficult)


def _prompt(entry: dict[str, Any], image: ImageEntry) -> Prompt | None:
    """What stands for a segmentation that is absent, null or an empty list."""
    if entry.get("segmentation") not in (None, []):
        return None
    try:
        return read_prompt(entry, "bbox", image.height, image.width)
    except ValueError as error:
        raise _Slip(str(error)) from None


def _mask(entry: dict[str, Any], image: ImageEntry, boxes: bool) -> Rle:
    """The segmentation, or what of the box is inside the image."""
    try:
        outline = _rectangle(_field(entry, "bbox"), image) if boxes else _field(entry, "segmentation")
        return encode_segmentation(outline, image.height, image.width)
    except ValueError as error:
        raise _Slip(f"segmentation {error}; correct or remove it") from None


def _rectangle(box: Any, image: ImageEntry) -> list[list[float]]:
    x, y, width, height = _numbers(box)
    left, right = (min(max(value, 0), image.width) for value in (x, x + width))
    top, bottom = (min(max(value, 0), image.height) for value in (y, y + height))
    return [[left, top, right, top, right, bottom, left, bottom]]


def _box(entry: dict[str, Any], mask: Rle) -> list[float]:
    box = entry.get("bbox")
    return mask_box(mask) if box is None else _numbers(box)


def _numbers(box: Any) -> list[float]:
    if not (isinstance(box, list) and len(box) == 4 and all(map(is_number, box)) and min(box[2:]) >= 0):
        raise _Slip(f"bbox is {shown(box)}; make it [x, y, width, height]")
    return [float(number) for number in box]


def _area(entry: dict[str, Any], mask: Rle) -> float:
    area = entry.get("area")
    if area is None:
        return float(mask_area(mask))
    if not (is_number(area) and area >= 0):
        raise _Slip(f"area is {shown(area)}; make it a number of pixels")
    return float(area)


def _field(entry: dict[str, Any], key: str) -> Any:
    if key not in entry:
        raise _Broken(f"{key} is missing; add it")
    return entry[key]


def _identity(entry: dict[str, Any], key: str) -> int | str:
    value = _field(entry, key)
    if isinstance(value, str) and value.strip():
        return value
    return _number(entry, key)


def _number(entry: dict[str, Any], key: str) -> int:
    value = whole(_field(entry, key))
    if value is None or not 0 <= value <= LARGEST_ID:
        raise _Broken(f"{key} is {shown(entry[key])}; make it a whole number")
    return value


def _identities(entry: dict[str, Any], key: str) -> tuple[int, ...] | None:
    values = entry.get(key)
    if values is None:
        return None
    numbers = [whole(value) for value in values] if isinstance(values, list) else [None]
    if None in numbers:
        raise _Broken(f"{key} is {shown(values)}; make it a list of category ids")
    return tuple(number for number in numbers if number is not None)


def _flag(entry: dict[str, Any], key: str) -> bool:
    value = entry.get(key)
    if value not in (None, 0, 1):
        raise _Broken(f"{key} is {shown(value)}; make it 0 or 1")
    return bool(value)


def _frequency(entry: dict[str, Any]) -> str | None:
    """LVIS's letter for how many training images show a category: as written, or from their number."""
    frequency, count = entry.get("frequency"), whole(entry.get("image_count"))
    if frequency in ("r", "c", "f"):
        return str(frequency)
    if count is None:
        return None
    return "r" if count <= MOST_RARE else "c" if count <= MOST_COMMON else "f"


def _among(value: Any, ids: Collection[int | str]) -> bool:
    return isinstance(value, int | float | str) and value in ids


def _register(identity: int | str, key: str, position: int, positions: dict[int | str, int]) -> None:
    """Note where an id is; it must be new."""
    if identity in positions:
        first = f"{key}[{positions[identity]}]"
        raise _Broken(f"id {shown(identity)} is taken by {first}; give each one of its own")
    positions[identity] = position


def _side(entry: dict[str, Any], key: str) -> int:
    value = whole(_field(entry, key))
    if value is None or not 1 <= value <= LONGEST_SIDE:
        raise _Broken(f"{key} is {shown(entry[key])}; make it the image's in pixels")
    return value


def _text(entry: dict[str, Any], key: str) -> str:
    value = _field(entry, key)
    if not isinstance(value, str) or not value.strip():
        raise _Broken(f"{key} is {shown(value)}; make it a text")
    return value


def _file_name(entry: dict[str, Any]) -> str:
    if "file_name" not in entry and "coco_url" in entry:  # http://images.cocodataset.org/val2017/139.jpg
        name = "/".join(_text(entry, "coco_url").split("/")[-2:])
    else:
        name = _text(entry, "file_name")
    windows = PureWindowsPath(name)  # knows slashes of both kinds
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise _Broken(f"file_name {shown(name)} leads out of the images folder; make it relative to that")
    if "\0" in name:
        raise _Broken(f"file_name {shown(name)} is no file name; correct it")
    return name
