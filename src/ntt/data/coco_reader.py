"""Reader of COCO annotation files that reports every mistake at once."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ntt.data.masks import Rle, encode_segmentation, mask_area, mask_box
from ntt.data.prompts import read_prompt
from ntt.data.validation import is_number, shown, whole
from ntt.errors import InputError
from ntt.io import read_json
from ntt.structures import Prompt

LONGEST_SIDE = 65535  # pixels, the maximum of JPEG
LARGEST_IMAGE = 2**29  # pixels; pycocotools allocates four bytes per pixel
LONGEST_TEXT = 1000  # characters
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MOST_RARE, MOST_COMMON = 10, 100  # maximum number of training images of rare and common LVIS categories
LARGEST_ID = 2**53  # JSON readers that parse numbers as floats corrupt larger ids
logger = logging.getLogger(__name__)
SLIPS = 0.01  # maximum share of annotations with invalid shapes that are skipped with a warning


@dataclass(frozen=True)
class ImageEntry:
    """An entry of ``images``; sizes in pixels.

    LVIS files list for each image the categories that are known to be absent (``negative``) and those that
    are not annotated exhaustively (``not_exhaustive``); None if the file has no such list.
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

    With a prompt instead of a mask, mask and box are empty. ``mask_source`` is the value in the file.
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
    """Readable content of an annotation file.

    Attributes:
        file: path of the file.
        images: by id, in file order.
        categories: names by id, in file order.
        annotations: in file order.
        problems: one line per invalid entry, naming file, entry and field.
        frequencies: LVIS frequency ("r", "c" or "f": rare, common, frequent) by category id, if present.
    """

    file: Path
    images: dict[int | str, ImageEntry]
    categories: dict[int, str]
    annotations: tuple[Annotation, ...]
    problems: tuple[str, ...]
    frequencies: dict[int, str]

    def sound(self) -> AnnotationFile:
        """Return this object if there are no problems.

        Raises:
            InputError: there are problems; the message lists them, one per line.
        """
        if self.problems:
            raise InputError("\n".join(self.problems))
        return self


class Broken(Exception):
    """An entry or field is invalid; the message says why."""


class Slip(Broken):
    """The shape of an annotation is invalid, but its image and category are valid."""


def field_of(entry: dict[str, Any], key: str) -> Any:
    """Return the value of a field without validation; raise Broken if it is missing."""
    if key not in entry:
        raise Broken(f"{key} is missing; add it")
    return entry[key]


def id_of(entry: dict[str, Any], key: str) -> int | str:
    """Read an id: an integer or a string."""
    value = field_of(entry, key)
    if isinstance(value, str) and value.strip():
        return value
    return number_of(entry, key)


def number_of(entry: dict[str, Any], key: str) -> int:
    """Read a non-negative integer, such as a category id."""
    value = whole(field_of(entry, key))
    if value is None or not 0 <= value <= LARGEST_ID:
        raise Broken(f"{key} must be a non-negative integer, got {shown(entry[key])}")
    return value


def ids_of(entry: dict[str, Any], key: str) -> tuple[int, ...] | None:
    """Read a list of category ids; None if the field is missing."""
    values = entry.get(key)
    if values is None:
        return None
    numbers = [whole(value) for value in values] if isinstance(values, list) else [None]
    if None in numbers:
        raise Broken(f"{key} must be a list of category ids, got {shown(values)}")
    return tuple(number for number in numbers if number is not None)


def flag_of(entry: dict[str, Any], key: str) -> bool:
    """Read a flag, 0 or 1; a missing flag is 0."""
    value = entry.get(key)
    if value not in (None, 0, 1):
        raise Broken(f"{key} must be 0 or 1, got {shown(value)}")
    return bool(value)


def frequency_of(entry: dict[str, Any]) -> str | None:
    """Read the LVIS frequency of a category (r, c or f), or derive it from its number of training images."""
    frequency, count = entry.get("frequency"), whole(entry.get("image_count"))
    if frequency in ("r", "c", "f"):
        return str(frequency)
    if count is None:
        return None
    return "r" if count <= MOST_RARE else "c" if count <= MOST_COMMON else "f"


def is_among(value: Any, ids: Collection[int | str]) -> bool:
    """Return whether a value of any type is one of the ids."""
    return isinstance(value, int | float | str) and value in ids


def register(entry_id: int | str, key: str, position: int, positions: dict[int | str, int]) -> None:
    """Record the position of an id; raise Broken if it is a duplicate."""
    if entry_id in positions:
        first = f"{key}[{positions[entry_id]}]"
        raise Broken(f"id {shown(entry_id)} is already used by {first}; ids must be unique")
    positions[entry_id] = position


def size_of(entry: dict[str, Any]) -> tuple[int, int]:
    """Read height and width of an image in pixels."""
    height, width = _side(entry, "height"), _side(entry, "width")
    if height * width > LARGEST_IMAGE:
        raise Broken(f"height and width must be the image size in pixels, got {height} and {width}")
    return height, width


def _side(entry: dict[str, Any], key: str) -> int:
    value = whole(field_of(entry, key))
    if value is None or not 1 <= value <= LONGEST_SIDE:
        raise Broken(f"{key} must be the image {key} in pixels, got {shown(entry[key])}")
    return value


def text_of(entry: dict[str, Any], key: str) -> str:
    """Read a non-empty printable string."""
    value = field_of(entry, key)
    if not isinstance(value, str) or not value.strip():
        raise Broken(f"{key} must be a non-empty string, got {shown(value)}")
    if len(value) > LONGEST_TEXT or UNPRINTABLE.search(value):
        raise Broken(
            f"{key} must be at most {LONGEST_TEXT} printable characters, got {shown(value)}; correct it"
        )
    return value


def file_name_of(entry: dict[str, Any]) -> str:
    """Read a path relative to the image folder."""
    if "file_name" not in entry and "coco_url" in entry:  # http://images.cocodataset.org/val2017/139.jpg
        name = "/".join(text_of(entry, "coco_url").split("/")[-2:])
    else:
        name = text_of(entry, "file_name")
    windows = PureWindowsPath(name)  # splits at both kinds of slashes
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise Broken(f"file_name must be a path inside the image folder, got {shown(name)}")
    return name


def annotation_of(
    entry: dict[str, Any],
    images: dict[int | str, ImageEntry],
    categories: dict[int, str],
    prompts: bool,
    boxes: bool,
) -> Annotation:
    """Read an entry; arguments as in ``read_annotations``.

    Raises:
        Broken: a field is invalid; Slip if only the shape is.
    """
    entry_id, image_id = id_of(entry, "id"), id_of(entry, "image_id")
    category_id = number_of(entry, "category_id")
    if image_id not in images:
        shown_id = shown(image_id)
        raise Broken(f"image_id {shown_id} is not among the images; add the image or remove the annotation")
    if category_id not in categories:
        raise Broken(f"category_id {category_id} is not among the categories; add or correct it")
    image = images[image_id]
    prompt = _prompt(entry, image) if prompts else None
    mask = encode_segmentation([], image.height, image.width) if prompt else _mask(entry, image, boxes)
    crowd, difficult = flag_of(entry, "iscrowd"), flag_of(entry, "difficult")
    if prompts and prompt is None and not crowd and mask_area(mask) == 0:
        raise Slip("segmentation is empty; draw it or remove the annotation")
    box, area = mask_box(mask) if prompt else _box(entry, mask), _area(entry, mask)
    source = entry.get("mask_source")
    return Annotation(entry_id, image_id, category_id, mask, box, area, crowd, prompt, source, difficult)


def _prompt(entry: dict[str, Any], image: ImageEntry) -> Prompt | None:
    """Read the prompt of an entry whose segmentation is missing, null or an empty list."""
    if entry.get("segmentation") not in (None, []):
        return None
    try:
        return read_prompt(entry, "bbox", image.height, image.width)
    except ValueError as error:
        raise Slip(str(error)) from None


def _mask(entry: dict[str, Any], image: ImageEntry, boxes: bool) -> Rle:
    """Read the segmentation, or with ``boxes`` the box, clipped to the image."""
    try:
        outline = _rectangle(field_of(entry, "bbox"), image) if boxes else field_of(entry, "segmentation")
        return encode_segmentation(outline, image.height, image.width)
    except ValueError as error:
        raise Slip(f"segmentation {error}; correct or remove it") from None


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
        raise Slip(f"bbox must be [x, y, width, height], got {shown(box)}")
    return [float(number) for number in box]


def _area(entry: dict[str, Any], mask: Rle) -> float:
    area = entry.get("area")
    if area is None:
        return float(mask_area(mask))
    if not (is_number(area) and area >= 0):
        raise Slip(f"area must be a number of pixels, got {shown(area)}")
    return float(area)


def read_annotations(
    file: Path,
    if_absent: str = "correct the path",
    prompts: bool = False,
    boxes: bool = False,
    classes: Collection[str] | None = None,
    limit: int | None = None,
) -> AnnotationFile:
    """Read an annotation file of instances; invalid entries are skipped and listed in ``problems``.

    Large datasets contain a few invalid shapes, such as a polygon of two points or a box of zero width. If
    at most 1% of the annotations have such a shape, they are skipped with a warning and are not listed.

    Args:
        file: annotations in COCO format, or in LVIS format, with ``coco_url`` instead of ``file_name``.
        if_absent: advice in the error message if the file is missing.
        prompts: whether the annotations are references: ``bbox`` or ``points`` may replace a segmentation,
            and a segmentation may not be empty.
        boxes: use the filled ``bbox`` as mask instead of the segmentation.
        classes: category names to read; annotations of other categories are skipped; None reads all.
        limit: maximum number of images; annotations of the images after them are skipped; None reads all.
    """
    reader = _Reader(file, if_absent, prompts, boxes, classes, limit)
    content = reader.content()
    images = reader.images(content)
    categories = reader.categories(content)
    annotations = reader.annotations(content, images, categories)
    problems = tuple(reader.problems)
    return AnnotationFile(file, images, categories, annotations, problems, reader.frequencies)


class _Reader:
    """Read the sections of one file and collect the problems."""

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
                    id_of(entry, "id"),
                    file_name_of(entry),
                    *size_of(entry),
                    ids_of(entry, "neg_category_ids"),
                    ids_of(entry, "not_exhaustive_category_ids"),
                )
                register(image.id, "images", position, positions)
            except Broken as error:
                self._complain_of("images", position, entry, error)
            else:
                images[image.id] = image
        return images

    def categories(self, content: dict[str, Any]) -> dict[int, str]:
        categories: dict[int, str] = {}
        positions: dict[int | str, int] = {}
        for position, entry in self._entries(content, "categories"):
            try:
                entry_id, category = number_of(entry, "id"), text_of(entry, "name")
                if category in categories.values():
                    raise Broken(f"name {category!r} is already used by another category; rename one")
                register(entry_id, "categories", position, positions)
            except Broken as error:
                self._complain_of("categories", position, entry, error)
            else:
                categories[entry_id] = category
                if (frequency := frequency_of(entry)) is not None:
                    self.frequencies[entry_id] = frequency
        return categories

    def annotations(
        self, content: dict[str, Any], images: dict[int | str, ImageEntry], categories: dict[int, str]
    ) -> tuple[Annotation, ...]:
        annotations: list[Annotation] = []
        positions: dict[int | str, int] = {}
        slips: set[str] = set()
        asked = categories.values() if self.classes is None else self.classes
        others = {entry_id for entry_id, name in categories.items() if name not in asked}
        later = set(list(images)[len(images) if self.limit is None else self.limit :])
        for position, entry in self._entries(content, "annotations"):
            if is_among(entry.get("category_id"), others) or is_among(entry.get("image_id"), later):
                continue
            try:
                annotation = annotation_of(entry, images, categories, self.prompts, self.boxes)
                register(annotation.id, "annotations", position, positions)
            except Broken as error:
                self._complain_of("annotations", position, entry, error)
                if isinstance(error, Slip):
                    slips.add(self.problems[-1])
            else:
                annotations.append(annotation)
        self._forgive(slips, content)
        return tuple(annotations)

    def _forgive(self, slips: set[str], content: dict[str, Any]) -> None:
        """Log the slips as a warning and remove them from the problems if they are few."""
        if slips and len(slips) <= SLIPS * (total := len(content["annotations"])):
            first = next(line for line in self.problems if line in slips)
            logger.warning("%s (skipped %d of %d annotations for such reasons)", first, len(slips), total)
            self.problems = [line for line in self.problems if line not in slips]

    def _entries(self, content: dict[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Iterate over the objects of a list with their positions."""
        if not content:
            return  # already reported
        entries = content.get(key)
        if not isinstance(entries, list):
            self._complain(f"{key} is {'missing' if key not in content else 'not a list'}; add a list")
            return
        for position, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield position, entry
            else:
                self._complain(f"{key}[{position}]: is not an object; remove it")

    def _complain_of(self, key: str, position: int, entry: dict[str, Any], error: Broken) -> None:
        """Report a problem of an entry, named like ``annotations[3] (id 12)``."""
        entry_id = f" (id {shown(entry['id'])})" if "id" in entry else ""
        self._complain(f"{key}[{position}]{entry_id}: {error}")

    def _complain(self, what: str) -> None:
        self.problems.append(f"{self.file}: {what}")
