"""A few references per class and the images to find their like in, from COCO files."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path

import torch
from pycocotools.coco import COCO
from torch import Tensor

from ntt.data.annotations import Annotation, AnnotationFile, ImageEntry, read_annotations
from ntt.data.ground_truth import as_coco, stack_masks, translate
from ntt.data.masks import mask_area
from ntt.data.samples import (
    ReferenceEntry,
    References,
    TargetEntry,
    Targets,
    count_problems,
    folder_targets,
    picture_problems,
)
from ntt.errors import InputError


class FewShotDataset:
    """References and targets in COCO format.

    The classes are the categories of the reference file, labelled in the order of their ids. The target
    file's categories are matched with them by name; those without references are left out of the evaluation.
    Nothing is read before it is needed; every property raises InputError where ``check`` would.

    Args:
        reference_file: annotations of the references; crowd regions are passed over.
        reference_images: folder of their pictures.
        target_file: annotations of the targets. None: all pictures of the folder are targets, and there is
            no ground truth.
        target_images: folder of the targets' pictures.
        shots: references per class, the first in file order, so that smaller sets are part of larger ones;
            None takes all.
        limit: at most so many target images, the first in file order; None takes all.
        if_absent: what to do where an annotation file is absent, for the message.
    """

    def __init__(
        self,
        reference_file: str | Path,
        reference_images: str | Path,
        target_file: str | Path | None,
        target_images: str | Path,
        shots: int | None = None,
        limit: int | None = None,
        if_absent: str = "correct the path",
    ) -> None:
        self.reference_file = Path(reference_file)
        self.reference_images = Path(reference_images)
        self.target_file = None if target_file is None else Path(target_file)
        self.target_images = Path(target_images)
        self.shots = shots
        self.limit = limit
        self.if_absent = if_absent

    @property
    def category_ids(self) -> tuple[int, ...]:
        """COCO id of each label."""
        return tuple(sorted(self._classes))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label."""
        return tuple(self._classes[identity] for identity in self.category_ids)

    @cached_property
    def references(self) -> References:
        """The chosen references."""
        self._reference_content.sound()
        return References(self._reference_entries())

    @cached_property
    def targets(self) -> Targets:
        """The target images."""
        if self._target_content is not None:
            self._target_content.sound()
        return Targets(self._target_entries())

    @cached_property
    def ground_truth(self) -> COCO | None:
        """Annotations of ``targets`` under the references' category ids; None without a target file."""
        if self._target_content is None:
            return None
        images = self._target_images()
        wanted = {image.id for image in images}
        annotations = [a for a in self._true_annotations if a.image_id in wanted]
        return as_coco(self._target_content, images, annotations, self._classes)

    def true_masks(self, image_id: int | str) -> tuple[Tensor, Tensor]:
        """What is to be found in a target image; crowd regions are left out.

        Args:
            image_id: of one of ``targets``; there has to be a target file.

        Returns:
            Masks ``(N, H, W)`` bool at the size of the image and labels ``(N,)`` int64.
        """
        assert self._target_content is not None, "ground_truth is None"
        image = self._target_content.images[int(image_id)]
        found = [a for a in self._true_annotations if a.image_id == image.id and not a.crowd]
        labels = [self.category_ids.index(a.category_id) for a in found]
        return stack_masks(found, image.height, image.width), torch.tensor(labels, dtype=torch.int64)

    def check(self) -> None:
        """Look for everything that would stop a run later; pictures are not read wholly.

        Raises:
            InputError: one line for each problem found.
        """
        problems = count_problems(self.shots, self.limit)
        problems = problems or [*self._reference_problems(), *self._target_problems()]
        if problems:
            raise InputError("\n".join(problems))

    def _reference_problems(self) -> list[str]:
        content, chosen = self._reference_content, self._chosen()
        problems = list(content.problems)
        if not problems:  # what cannot be read is not missing
            problems += self._class_problems(Counter(a.category_id for a in chosen))
        problems += [
            f"{content.file}: annotation {a.id}: segmentation is empty; draw it or remove the annotation"
            for a in chosen
            if mask_area(a.mask) == 0
        ]
        return problems + picture_problems(self._reference_entries())

    def _class_problems(self, counts: Counter[int]) -> list[str]:
        if not self._reference_content.categories:
            return [f"{self.reference_file}: categories is empty; add the classes to look for"]
        problems = []
        for identity, name in self._reference_content.categories.items():
            where, count = f"{self.reference_file}: class {name!r}", counts[identity]
            if count == 0:
                problems.append(f"{where} has no reference; annotate one or remove the category")
            elif self.shots is not None and count < self.shots:
                problems.append(
                    f"{where} has {count} of {self.shots} references; annotate more or lower dataset.shots"
                )
        return problems

    def _target_problems(self) -> list[str]:
        content = self._target_content
        if content is None:
            try:
                return picture_problems(self._target_entries())
            except InputError as error:
                return [str(error)]
        problems = list(content.problems)
        if not problems and not content.images:
            problems.append(f"{content.file}: images is empty; add the images to segment")
        names = self._reference_content.categories.values()
        if names and content.categories and not set(names) & set(content.categories.values()):
            problems.append(
                f"{content.file}: no category has the name of a class of {self.reference_file}; rename them"
            )
        return problems + picture_problems(self._target_entries())

    def _chosen(self) -> list[Annotation]:
        """The first ``shots`` annotations of every class."""
        counts: Counter[int] = Counter()
        chosen = []
        for annotation in self._reference_content.annotations:
            if not annotation.crowd and (self.shots is None or counts[annotation.category_id] < self.shots):
                counts[annotation.category_id] += 1
                chosen.append(annotation)
        return chosen

    def _reference_entries(self) -> list[ReferenceEntry]:
        labels = {identity: k for k, identity in enumerate(sorted(self._reference_content.categories))}
        entries = []
        for annotation in self._chosen():
            image = self._reference_content.images[annotation.image_id]
            file = self.reference_images / image.file_name
            source = f"{file}, annotation {annotation.id}"
            label = labels[annotation.category_id]
            entries.append(ReferenceEntry(file, (image.height, image.width), annotation.mask, label, source))
        return entries

    def _target_images(self) -> list[ImageEntry]:
        assert self._target_content is not None
        return list(self._target_content.images.values())[: self.limit]

    def _target_entries(self) -> list[TargetEntry]:
        if self._target_content is None:
            return folder_targets(self.target_images, self.limit)
        return [
            TargetEntry(self.target_images / image.file_name, (image.height, image.width), image.id)
            for image in self._target_images()
        ]

    @property
    def _classes(self) -> dict[int, str]:
        return self._reference_content.sound().categories

    @cached_property
    def _true_annotations(self) -> list[Annotation]:
        assert self._target_content is not None
        return translate(self._target_content.sound(), self._classes)

    @cached_property
    def _reference_content(self) -> AnnotationFile:
        return read_annotations(self.reference_file, self.if_absent)

    @cached_property
    def _target_content(self) -> AnnotationFile | None:
        return None if self.target_file is None else read_annotations(self.target_file, self.if_absent)
