"""Conversion of PASCAL VOC annotations to COCO format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import parse

from ntt.errors import InputError


def voc_as_coco(devkit: Path, splits: Mapping[str, str]) -> dict[str, Any]:
    """Convert image sets of the challenge to one COCO file, with boxes and ``difficult``, no segmentations.

    File names are relative to ``devkit``. Categories are numbered from 1 in alphabetical order, as in VOC.

    Args:
        devkit: folder that contains ``VOC2007``, ``VOC2012``.
        splits: image set (such as ``trainval``) of each year's folder.

    Raises:
        InputError: a file is missing or malformed.
    """
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for folder, split in splits.items():
        for name in _lines(devkit / folder / "ImageSets" / "Main" / f"{split}.txt"):
            size, found = _read(devkit / folder / "Annotations" / f"{name}.xml")
            images.append({"id": len(images) + 1, "file_name": f"{folder}/JPEGImages/{name}.jpg", **size})
            objects += [{"image_id": len(images), "iscrowd": 0, **each} for each in found]
    names = {name: k for k, name in enumerate(sorted({each["name"] for each in objects}), start=1)}
    return {
        "images": images,
        "annotations": [
            {"id": number, "category_id": names[each.pop("name")], **each}
            for number, each in enumerate(objects, start=1)
        ],
        "categories": [{"id": category_id, "name": name} for name, category_id in names.items()],
    }


def _read(file: Path) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Read height and width of an image, and its objects."""
    try:
        root = parse(file).getroot()
        size = {side: int(_text(root, f"size/{side}")) for side in ("height", "width")}
        return size, [_object(each) for each in root.findall("object")]
    except FileNotFoundError:
        raise InputError(f"{file}: file not found; extract the complete archive") from None
    except (ParseError, ValueError) as error:
        raise InputError(f"{file}: {error}; extract the archive again") from None


def _object(element: Element) -> dict[str, Any]:
    # VOC counts pixels from 1, and xmax and ymax are inclusive.
    left, top, right, bottom = (
        float(_text(element, f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")
    )
    width, height = right - left + 1, bottom - top + 1
    return {
        "name": _text(element, "name"),
        "bbox": [left - 1, top - 1, width, height],
        "area": width * height,
        "difficult": int(element.findtext("difficult") or 0),
    }


def _text(element: Element, path: str) -> str:
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"{path} is missing")
    return text.strip()


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        raise InputError(f"{file}: file not found; extract the complete archive")
    return file.read_text().split()
