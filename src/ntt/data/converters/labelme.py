"""Converter of LabelMe annotations: one JSON file of shapes per image."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import torch
from PIL import Image
from supervision.dataset.formats.labelme import labelme_shapes_to_detections
from torch import Tensor

from ntt.data.converters.coco import (
    CocoBuilder,
    box_shape,
    images_below,
    mask_shape,
    outline_shape,
    points_shape,
)
from ntt.data.images import Size
from ntt.data.validation import is_number, shown, whole
from ntt.errors import InputError
from ntt.io import read_json

SHAPE_TYPES = ("polygon", "rectangle", "point", "mask")


def convert_labelme(coco: CocoBuilder) -> None:
    """Add the images and objects of the JSON files below the root.

    Boxes are read with supervision. Polygons keep their vertices; points and painted masks, which supervision
    ignores, are added. Shapes with the same label and ``group_id`` form one object. Other shape types are
    skipped.

    Raises:
        InputError: there is no image or no LabelMe file.
    """
    images_below(coco.root)
    count = 0
    for file in sorted(coco.root.rglob("*.json")):
        with coco.noting(file):
            content = read_json(file, "imagePath and shapes")
            if "shapes" not in content or "imagePath" not in content:
                continue  # not a LabelMe file
            count += 1
            image = coco.add_image(_image_file(file, content["imagePath"]), _size(content))
            for number, shapes in _grouped(content["shapes"], coco):
                with coco.noting(f"{file}: shapes[{number}]"):
                    coco.add_object(image, *_object(shapes, (image["height"], image["width"])))
    if not count:
        raise InputError(f"{coco.root}: contains no LabelMe JSON file; use the folder that contains them")


def _image_file(file: Path, image_path: Any) -> Path:
    # PureWindowsPath splits at both kinds of slashes.
    parts = PureWindowsPath(image_path).parts if isinstance(image_path, str) else ()
    for place in (file.parent.joinpath(*parts), file.parent / parts[-1]) if parts else ():
        if place.is_file():
            return place
    raise ValueError(f"imagePath {shown(image_path)} does not exist")


def _size(content: dict[str, Any]) -> Size | None:
    height, width = whole(content.get("imageHeight")), whole(content.get("imageWidth"))
    return (height, width) if height and width else None


def _grouped(shapes: Any, coco: CocoBuilder) -> list[tuple[int, list[dict[str, Any]]]]:
    """Group the shapes by object; each group comes with the position of its first shape."""
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise ValueError("shapes is not a list of objects")
    groups: dict[tuple[str, ...], tuple[int, list[dict[str, Any]]]] = {}
    for position, shape in enumerate(shapes):
        kind, group = shape.get("shape_type", "polygon"), shape.get("group_id")
        if kind not in SHAPE_TYPES:
            coco.left_out[f"shape of type {shown(kind)}"] += 1
            continue
        alone = group is None or kind == "mask"
        key = (str(position),) if alone else (repr(shape.get("label")), repr(group))
        groups.setdefault(key, (position, []))[1].append({**shape, "shape_type": kind})
    return list(groups.values())


def _object(shapes: list[dict[str, Any]], size: Size) -> tuple[str, dict[str, Any]]:
    """Return label and shape of one object."""
    label = shapes[0].get("label")
    if not isinstance(label, str) or not label.strip():
        raise ValueError(f"label must be a non-empty string, got {shown(label)}")
    _check_points(shapes)
    if shapes[0]["shape_type"] == "mask":
        return label, mask_shape(_painted(shapes[0], size))
    drawn = [shape for shape in shapes if shape["shape_type"] != "point"]
    if any(shape["shape_type"] == "polygon" for shape in drawn):
        return label, outline_shape([_polygon(shape, size) for shape in drawn], size)
    box = box_shape(_corners(drawn, size), size) if drawn else {}
    points = [shape["points"][0] for shape in shapes if shape["shape_type"] == "point"]
    return label, {**box, **(points_shape(points, size) if points else {})}


def _check_points(shapes: list[dict[str, Any]]) -> None:
    for shape in shapes:
        points = shape.get("points")
        pairs = points if isinstance(points, list) and points else [None]
        if not all(isinstance(p, list) and len(p) == 2 and all(map(is_number, p)) for p in pairs):
            raise ValueError(f"points must be a list of [x, y], got {shown(points)}")


def _corners(shapes: list[dict[str, Any]], size: Size) -> list[float]:
    """Compute the bounding box of rectangles and polygons: ``x1 y1 x2 y2``."""
    classes = {shapes[0]["label"]: 0}
    together = [{**shape, "group_id": 0} for shape in shapes]
    found = labelme_shapes_to_detections(together, classes, size[::-1], with_masks=False)
    return [float(number) for number in found.xyxy[0]]


def _polygon(shape: dict[str, Any], size: Size) -> list[float]:
    x1, y1, x2, y2 = _corners([shape], size)
    if shape["shape_type"] == "rectangle":
        return [x1, y1, x2, y1, x2, y2, x1, y2]
    return [number for point in shape["points"] for number in point]


def _painted(shape: dict[str, Any], size: Size) -> Tensor:
    """Decode a painted mask to ``(H, W)`` bool; its image is placed at the first of its two points."""
    left, top = (round(number) for number in shape["points"][0])
    try:
        image = Image.open(BytesIO(b64decode(str(shape.get("mask")))))
        width, height = image.size
        fits = 0 <= left <= size[1] - width and 0 <= top <= size[0] - height
        piece = torch.from_numpy(np.array(image.convert("L"))) > 0 if fits else None
    except Exception:  # Pillow raises many types of exceptions for damaged images
        raise ValueError("mask is not an image in base64") from None
    if piece is None:
        raise ValueError(
            f"mask of {width} x {height} at {shown(shape['points'][0])} does not fit into the image"
        )
    mask = torch.zeros(size, dtype=torch.bool)
    mask[top : top + height, left : left + width] = piece
    return mask
