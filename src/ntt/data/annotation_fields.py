"""Readers of single fields of COCO annotation files; each raises ``Broken`` for an invalid field."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from ntt.data.values import shown, whole

LONGEST_SIDE = 65535  # pixels, the maximum of JPEG
LARGEST_IMAGE = 2**29  # pixels; pycocotools allocates four bytes per pixel
LONGEST_TEXT = 1000  # characters
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MOST_RARE, MOST_COMMON = 10, 100  # maximum number of training images of rare and common LVIS categories
LARGEST_ID = 2**53  # JSON readers that parse numbers as floats corrupt larger ids


class Broken(Exception):
    """An entry or field is invalid; the message says why."""


class Slip(Broken):
    """The shape of an annotation is invalid, but its image and category are valid."""


def field_of(entry: dict[str, Any], key: str) -> Any:
    """Return the value of a field without validation; raise Broken if it is missing."""
    if key not in entry:
        raise Broken(f"{key} is missing; add it")
    return entry[key]


def identity_of(entry: dict[str, Any], key: str) -> int | str:
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


def identities_of(entry: dict[str, Any], key: str) -> tuple[int, ...] | None:
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


def register(identity: int | str, key: str, position: int, positions: dict[int | str, int]) -> None:
    """Record the position of an id; raise Broken if it is a duplicate."""
    if identity in positions:
        first = f"{key}[{positions[identity]}]"
        raise Broken(f"id {shown(identity)} is already used by {first}; ids must be unique")
    positions[identity] = position


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
