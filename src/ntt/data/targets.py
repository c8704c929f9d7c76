"""Target images with ground truth from a COCO file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import torch
from pycocotools.coco import COCO
from torch import Tensor

from ntt.data.annotation_entries import Annotation, AnnotationFile, ImageEntry
from ntt.data.annotations import read_annotations
from ntt.data.ground_truth import as_coco, stack_masks, translate
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
        for annotation in translate(self.content.sound(), self.classes):
            images[annotation.image_id].append(annotation)
        return images

    @property
    def _images(self) -> list[ImageEntry]:
        return list(self.content.images.values())[: self.limit]
