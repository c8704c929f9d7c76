"""Converter of PASCAL VOC annotations: one XML file of boxes per image."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import parse
from supervision.dataset.formats.pascal_voc import detections_from_xml_obj, parse_polygon_points

from ntt.data.converters.coco import CocoBuilder, box_shape, images_below, outline_shape, twin_folders
from ntt.data.images import Size
from ntt.data.validation import whole
from ntt.errors import InputError

ANNOTATIONS, IMAGE_FOLDERS = ("annotations",), ("JPEGImages", "images", "Images")


def convert_voc(coco: CocoBuilder) -> None:
    """Add the images and objects of the XML files below the root.

    An image has the name of its XML file and is in the same folder; for a file in ``Annotations``, it may be
    in ``JPEGImages`` or ``images``. Boxes are read with supervision; ``difficult``, which it ignores, is
    added, and polygons keep their vertices.

    Raises:
        InputError: there is no image or no XML file.
    """
    images = {(file.absolute().parent, file.stem): file for file in images_below(coco.root)}
    files = sorted(coco.root.rglob("*.xml"))
    if not files:
        raise InputError(f"{coco.root}: contains no .xml file; use the folder that contains Annotations")
    for file in files:
        with coco.noting(file):
            annotation = _read(file)
            places = [
                (place.absolute(), file.stem)
                for place in twin_folders(file.parent, ANNOTATIONS, IMAGE_FOLDERS)
            ]
            found = [images[place] for place in places if place in images]
            if not found:
                raise ValueError("no image has this name")
            image = coco.add_image(found[0], _size(annotation))
            for number, element in enumerate(annotation.findall("object"), start=1):
                with coco.noting(f"{file}: object {number}"):
                    coco.add_object(image, *_object(element, (image["height"], image["width"])))


def _read(file: Path) -> Element:
    try:
        root: Element = parse(file).getroot()
    except (ParseError, LookupError) as error:
        raise ValueError(f"cannot be read ({error})") from None
    if root.tag != "annotation":
        raise ValueError(f"is not a PASCAL VOC annotation: the root element is <{root.tag}>")
    return root


def _size(annotation: Element) -> Size | None:
    """Read height and width; None if the file does not contain them."""
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
