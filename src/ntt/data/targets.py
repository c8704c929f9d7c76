"""Target images with ground truth from a COCO file."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from pycocotools.coco import COCO
from torch import Tensor

from ntt.data.coco_reader import Annotation, AnnotationFile, ImageEntry, read_annotations
from ntt.data.masks import decode_mask
from ntt.data.samples import TargetEntry


class AnnotatedTargets:
    """Target images and their ground truth, read on first access.

    Args:
        file: annotations in COCO format.
        folder: folder of the images.
        classes: category names of the references by id; objects of other classes are ignored.
        limit: maximum number of images, the first in file order; None takes all.
        boxes_only: use boxes instead of masks as ground truth.
        if_absent: advice in the error message if the file is missing.
    """

    def __init__(
        self,
        file: Path,
        folder: Path,
        classes: Mapping[int, str],
        limit: int | None,
        boxes_only: bool,
        if_absent: str,
    ) -> None:
        self.file = file
        self.folder = folder
        self.classes = classes
        self.limit = limit
        self.boxes_only = boxes_only
        self.if_absent = if_absent

    @property
    def entries(self) -> list[TargetEntry]:
        """Entries of the images that could be read from the file."""
        return [
            TargetEntry(self.folder / image.file_name, (image.height, image.width), image.id)
            for image in self._images
        ]

    def problems(self) -> list[str]:
        """Check the file and return one message per problem."""
        content = self.content
        problems = list(content.problems)
        if not problems and not content.images:
            problems.append(f"{content.file}: images is empty; add the images to segment")
        names = self.classes.values()
        if names and content.categories and not set(names) & set(content.categories.values()):
            problems.append(
                f"{content.file}: no category has the same name as a reference class; rename the categories"
            )
        return problems

    @property
    def ground_truth(self) -> COCO:
        """Annotations of all images, with the category ids of the references."""
        annotations = [a for image in self._images for a in self._by_image[image.id]]
        return as_coco(self.content.sound(), self._images, annotations, self.classes, self.boxes_only)

    def masks(self, image_id: int | str, crowd: bool) -> tuple[Tensor, Tensor]:
        """Return masks ``(N, H, W)`` and category ids ``(N,)`` of an image's crowd regions or objects."""
        image = self.content.images[image_id]
        found = [annotation for annotation in self._by_image[image.id] if annotation.crowd == crowd]
        categories = torch.tensor([annotation.category_id for annotation in found], dtype=torch.int64)
        return stack_masks(found, image.height, image.width), categories

    @cached_property
    def content(self) -> AnnotationFile:
        """Readable content of the file, restricted to the selected classes and images."""
        classes = set(self.classes.values())
        return read_annotations(
            self.file, self.if_absent, boxes=self.boxes_only, classes=classes, limit=self.limit
        )

    @cached_property
    def _by_image(self) -> defaultdict[int | str, list[Annotation]]:
        """Annotations of the reference classes by image id, in file order."""
        images = defaultdict(list)
        for annotation in with_reference_categories(self.content.sound(), self.classes):
            images[annotation.image_id].append(annotation)
        return images

    @property
    def _images(self) -> list[ImageEntry]:
        return list(self.content.images.values())[: self.limit]


def as_coco(
    targets: AnnotationFile,
    images: Iterable[ImageEntry],
    annotations: Iterable[Annotation],
    categories: Mapping[int, str],
    boxes_only: bool = False,
) -> COCO:
    """Build pycocotools' COCO object, including the additional fields of LVIS and PASCAL VOC.

    Args:
        targets: content of the target file.
        images: images to evaluate.
        annotations: annotations in these images, as returned by ``with_reference_categories``.
        categories: category names of the references by id.
        boxes_only: omit the masks.
    """
    ids = _shared_ids(targets, categories)
    frequencies = {ids[old]: letter for old, letter in targets.frequencies.items() if old in ids}
    coco = COCO()
    coco.dataset = {
        "images": [
            {"id": image.id, "file_name": image.file_name, "height": image.height, "width": image.width}
            | _category_list("neg_category_ids", image.negative, ids)
            | _category_list("not_exhaustive_category_ids", image.not_exhaustive, ids)
            for image in images
        ],
        "categories": [
            {"id": category_id, "name": name}
            | ({"frequency": frequencies[category_id]} if category_id in frequencies else {})
            for category_id, name in sorted(categories.items())
        ],
        "annotations": [
            {
                # Renumber from 1, because pycocotools treats a match with id 0 as unmatched.
                "id": number,
                "image_id": annotation.image_id,
                "category_id": annotation.category_id,
                "bbox": annotation.box,
                "area": annotation.area,
                "iscrowd": int(annotation.crowd),
                "difficult": int(annotation.difficult),
            }
            | ({} if boxes_only else {"segmentation": annotation.mask})
            for number, annotation in enumerate(annotations, start=1)
        ],
    }
    with redirect_stdout(io.StringIO()):  # pycocotools prints every step
        coco.createIndex()
    return coco


def with_reference_categories(targets: AnnotationFile, categories: Mapping[int, str]) -> list[Annotation]:
    """Select the target annotations of the reference classes and replace their category ids, by name."""
    ids = _shared_ids(targets, categories)
    return [
        replace(annotation, category_id=ids[annotation.category_id])
        for annotation in targets.annotations
        if annotation.category_id in ids
    ]


def _shared_ids(targets: AnnotationFile, categories: Mapping[int, str]) -> dict[int, int]:
    """Map the ids of target categories to those of reference categories with the same name."""
    ids = {name: category_id for category_id, name in categories.items()}
    return {old: ids[name] for old, name in targets.categories.items() if name in ids}


def _category_list(
    key: str, categories: tuple[int, ...] | None, ids: Mapping[int, int]
) -> dict[str, list[int]]:
    """Translate a category list of an LVIS image; empty if the image has no such list."""
    return {} if categories is None else {key: [ids[old] for old in categories if old in ids]}


def stack_masks(annotations: Iterable[Annotation], height: int, width: int) -> Tensor:
    """Decode and stack the masks of annotations, ``(N, height, width)`` bool."""
    masks = [decode_mask(annotation.mask) for annotation in annotations]
    return torch.stack(masks) if masks else torch.zeros(0, height, width, dtype=torch.bool)
