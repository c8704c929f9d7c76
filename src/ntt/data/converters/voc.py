"""PASCAL VOC: an XML file of boxes for each picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import parse
from supervision.dataset.formats.pascal_voc import detections_from_xml_obj, parse_polygon_points

from ntt.data.converters.coco import CocoBuilder
from ntt.data.converters.files import pictures_below, twin_folders
from ntt.data.converters.shapes import box_shape, outline_shape
from ntt.data.images import Size
from ntt.data.values import whole
from ntt.errors import InputError

ANNOTATIONS, PICTURES = ("annotations",), ("JPEGImages", "images", "Images")


def convert_voc(coco: CocoBuilder) -> None:
    """Add what the XML files below the root say of the pictures of their names.

    Pictures lie beside them, or in ``JPEGImages`` or ``images`` where they lie in ``Annotations``.
    supervision reads boxes; ``difficult``, which it passes over, is added, and polygons as they were drawn.

    Raises:
        InputError: there is no picture or no XML file.
    """
    pictures = {(file.absolute().parent, file.stem): file for file in pictures_below(coco.root)}
    files = sorted(coco.root.rglob("*.xml"))
    if not files:
        raise InputError(f"{coco.root}: there is no .xml file; name the folder that holds Annotations")
    for file in files:
        with coco.noting(file):
            annotation = _read(file)
            places = [
                (place.absolute(), file.stem) for place in twin_folders(file.parent, ANNOTATIONS, PICTURES)
            ]
            found = [pictures[place] for place in places if place in pictures]
            if not found:
                raise ValueError("there is no picture of this name")
            image = coco.add_picture(found[0], _size(annotation))
            for number, element in enumerate(annotation.findall("object"), start=1):
                with coco.noting(f"{file}: object {number}"):
                    coco.add_object(image, *_object(element, (image["height"], image["width"])))


def _read(file: Path) -> Element:
    try:
        root: Element = parse(file).getroot()
    except (ParseError, LookupError) as error:
        raise ValueError(f"cannot be read ({error})") from None
    if root.tag != "annotation":
        raise ValueError(f"is no annotation of PASCAL VOC, but one of <{root.tag}>")
    return root


def _size(annotation: Element) -> Size | None:
    """Height and width, None where the file does not say them."""
    height, width = (whole(float(annotation.findtext(f"size/{side}") or 0)) for side in ("height", "width"))
    return (height, width) if height and width else None


def _object(element: Element, size: Size) -> tuple[str, dict[str, Any]]:
    annotation = Element("annotation")
    annotation.append(element)
    try:
        found, (category,) = detections_from_xml_obj(annotation, [], size[::-1])
        polygons = [(parse_polygon_points(each) - 1).ravel().tolist() for each in element.findall("polygon")]
    except IndexError:
        raise ValueError("polygon has an odd number of coordinates") from None
    shape = outline_shape(polygons, size) if polygons else box_shape(found.xyxy[0], size)
    difficult = {"difficult": 1} if (element.findtext("difficult") or "").strip() == "1" else {}
    return category.strip(), {**shape, **difficult}
