"""Single fields of the entries of a COCO annotation file; each raises ``Broken`` where it is unusable."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from ntt.data.values import shown, whole

LONGEST_SIDE = 65535  # pixels, the most that JPEG can hold
LARGEST_IMAGE = 2**29  # pixels; pycocotools asks for four bytes for each
LONGEST_TEXT = 1000  # characters
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MOST_RARE, MOST_COMMON = 10, 100  # training images that show a category which LVIS calls so
LARGEST_ID = 2**53  # ids beyond it do not survive other readers of JSON


class Broken(Exception):
    """An entry or field is unusable; the text says why."""


class Slip(Broken):
    """An annotation's shape is unusable, but what it belongs to is clear."""


def field_of(entry: dict[str, Any], key: str) -> Any:
    """The value, whatever it is; Broken where it is missing."""
    if key not in entry:
        raise Broken(f"{key} is missing; add it")
    return entry[key]


def identity_of(entry: dict[str, Any], key: str) -> int | str:
    """An id: a whole number or a text."""
    value = field_of(entry, key)
    if isinstance(value, str) and value.strip():
        return value
    return number_of(entry, key)


def number_of(entry: dict[str, Any], key: str) -> int:
    """A whole number, as ids of categories are."""
    value = whole(field_of(entry, key))
    if value is None or not 0 <= value <= LARGEST_ID:
        raise Broken(f"{key} is {shown(entry[key])}; make it a whole number")
    return value


def identities_of(entry: dict[str, Any], key: str) -> tuple[int, ...] | None:
    """A list of category ids; None where there is none."""
    values = entry.get(key)
    if values is None:
        return None
    numbers = [whole(value) for value in values] if isinstance(values, list) else [None]
    if None in numbers:
        raise Broken(f"{key} is {shown(values)}; make it a list of category ids")
    return tuple(number for number in numbers if number is not None)


def flag_of(entry: dict[str, Any], key: str) -> bool:
    """0 or 1, or nothing, which is 0."""
    value = entry.get(key)
    if value not in (None, 0, 1):
        raise Broken(f"{key} is {shown(value)}; make it 0 or 1")
    return bool(value)


def frequency_of(entry: dict[str, Any]) -> str | None:
    """LVIS's letter for how many training images show a category: as written, or from their number."""
    frequency, count = entry.get("frequency"), whole(entry.get("image_count"))
    if frequency in ("r", "c", "f"):
        return str(frequency)
    if count is None:
        return None
    return "r" if count <= MOST_RARE else "c" if count <= MOST_COMMON else "f"


def is_among(value: Any, ids: Collection[int | str]) -> bool:
    """Whether a value of any kind is one of these ids."""
    return isinstance(value, int | float | str) and value in ids


def register(identity: int | str, key: str, position: int, positions: dict[int | str, int]) -> None:
    """Note where an id is; it must be new."""
    if identity in positions:
        first = f"{key}[{positions[identity]}]"
        raise Broken(f"id {shown(identity)} is taken by {first}; give each one of its own")
    positions[identity] = position


def size_of(entry: dict[str, Any]) -> tuple[int, int]:
    """Height and width of an image in pixels."""
    height, width = _side(entry, "height"), _side(entry, "width")
    if height * width > LARGEST_IMAGE:
        raise Broken(f"height and width are {height} and {width}; make them the image's in pixels")
    return height, width


def _side(entry: dict[str, Any], key: str) -> int:
    value = whole(field_of(entry, key))
    if value is None or not 1 <= value <= LONGEST_SIDE:
        raise Broken(f"{key} is {shown(entry[key])}; make it the image's in pixels")
    return value


def text_of(entry: dict[str, Any], key: str) -> str:
    """A text that says something."""
    value = field_of(entry, key)
    if not isinstance(value, str) or not value.strip():
        raise Broken(f"{key} is {shown(value)}; make it a text")
    if len(value) > LONGEST_TEXT or UNPRINTABLE.search(value):
        raise Broken(f"{key} is {shown(value)}, too long or not to be printed; correct it")
    return value


def file_name_of(entry: dict[str, Any]) -> str:
    """A path below the folder of images."""
    if "file_name" not in entry and "coco_url" in entry:  # http://images.cocodataset.org/val2017/139.jpg
        name = "/".join(text_of(entry, "coco_url").split("/")[-2:])
    else:
        name = text_of(entry, "file_name")
    windows = PureWindowsPath(name)  # knows slashes of both kinds
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise Broken(f"file_name {shown(name)} leads out of the images folder; make it relative to that")
    return name
