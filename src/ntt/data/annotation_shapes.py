"""Reading of the entries of ``annotations``: category, mask, box and prompt."""

from __future__ import annotations

from typing import Any

from ntt.data.annotation_entries import Annotation, ImageEntry
from ntt.data.annotation_fields import Broken, Slip, field_of, flag_of, identity_of, number_of
from ntt.data.masks import Rle, encode_segmentation, mask_area, mask_box
from ntt.data.prompts import read_prompt
from ntt.data.values import is_number, shown
from ntt.structures import Prompt


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
    identity, image_id = identity_of(entry, "id"), identity_of(entry, "image_id")
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
    return Annotation(identity, image_id, category_id, mask, box, area, crowd, prompt, source, difficult)


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
