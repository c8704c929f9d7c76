"""Target images whose objects are known from a COCO file."""

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
    """Images and the truth about them; nothing is read before it is needed.

    Args:
        file: in COCO's format.
        folder: of the pictures.
        classes: the references' category names by id; objects of others are not looked for.
        limit: at most so many images, the first in file order; None takes all.
        boxes_only: whether the truth is boxes, which then stand for masks.
        if_absent: what to do where there is no such file, for the message.
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
        """Where the pictures are, as far as the file could be read."""
        return [
            TargetEntry(self.folder / image.file_name, (image.height, image.width), image.id)
            for image in self._images
        ]

    def problems(self) -> list[str]:
        """What is wrong with the file, one line each."""
        content = self.content
        problems = list(content.problems)
        if not problems and not content.images:
            problems.append(f"{content.file}: images is empty; add the images to segment")
        names = self.classes.values()
        if names and content.categories and not set(names) & set(content.categories.values()):
            problems.append(
                f"{content.file}: no category has the name of a class of the references; rename them"
            )
        return problems

    @property
    def ground_truth(self) -> COCO:
        """The annotations of all images, under the references' category ids."""
        annotations = [a for image in self._images for a in self._by_image[image.id]]
        return as_coco(self.content.sound(), self._images, annotations, self.classes, self.boxes_only)

    def masks(self, image_id: int | str, crowd: bool) -> tuple[Tensor, Tensor]:
        """Masks ``(N, H, W)`` of an image's crowd regions, or of all else, and category ids ``(N,)``."""
        image = self.content.images[image_id]
        found = [annotation for annotation in self._by_image[image.id] if annotation.crowd == crowd]
        categories = torch.tensor([annotation.category_id for annotation in found], dtype=torch.int64)
        return stack_masks(found, image.height, image.width), categories

    @cached_property
    def content(self) -> AnnotationFile:
        """What could be read of the file, of the classes and images in use."""
        classes = set(self.classes.values())
        return read_annotations(
            self.file, self.if_absent, boxes=self.boxes_only, classes=classes, limit=self.limit
        )

    @cached_property
    def _by_image(self) -> defaultdict[int | str, list[Annotation]]:
        """The annotations that count, in file order."""
        images = defaultdict(list)
        for annotation in translate(self.content.sound(), self.classes):
            images[annotation.image_id].append(annotation)
        return images

    @property
    def _images(self) -> list[ImageEntry]:
        return list(self.content.images.values())[: self.limit]
