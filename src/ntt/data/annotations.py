"""Validating reader of COCO annotation files that reports all mistakes at once."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ntt.data.annotation_entries import Annotation, AnnotationFile, ImageEntry
from ntt.data.annotation_fields import (
    Broken,
    Slip,
    file_name_of,
    frequency_of,
    identities_of,
    identity_of,
    is_among,
    number_of,
    register,
    size_of,
    text_of,
)
from ntt.data.annotation_shapes import annotation_of
from ntt.data.json_files import read_json
from ntt.data.values import shown
from ntt.errors import InputError

logger = logging.getLogger(__name__)

SLIPS = 0.01  # maximum share of annotations with invalid shapes that are skipped with a warning


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
                    identity_of(entry, "id"),
                    file_name_of(entry),
                    *size_of(entry),
                    identities_of(entry, "neg_category_ids"),
                    identities_of(entry, "not_exhaustive_category_ids"),
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
                identity, category = number_of(entry, "id"), text_of(entry, "name")
                if category in categories.values():
                    raise Broken(f"name {category!r} is already used by another category; rename one")
                register(identity, "categories", position, positions)
            except Broken as error:
                self._complain_of("categories", position, entry, error)
            else:
                categories[identity] = category
                if (frequency := frequency_of(entry)) is not None:
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
        identity = f" (id {shown(entry['id'])})" if "id" in entry else ""
        self._complain(f"{key}[{position}]{identity}: {error}")

    def _complain(self, what: str) -> None:
        self.problems.append(f"{self.file}: {what}")
