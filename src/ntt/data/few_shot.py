"""Few-shot dataset of references and targets from COCO files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pycocotools.coco import COCO
from torch import Tensor

from ntt.data.coco_reader import Annotation, AnnotationFile, read_annotations
from ntt.data.pseudo_masks import PseudoMask
from ntt.data.samples import (
    MINED,
    ReferenceEntry,
    References,
    Targets,
    count_problems,
    folder_targets,
    image_problems,
    target_problems,
)
from ntt.data.targets import AnnotatedTargets, with_reference_categories
from ntt.errors import InputError, did_you_mean
from ntt.io import read_json
from ntt.options import AtLeastOne


class FewShotDataset:
    """References and targets in COCO format.

    The classes are the categories of the reference file, labelled in the order of their ids. Categories of
    the target file are matched by name; those without references are excluded from the evaluation. Files are
    read on first access; every property raises InputError for the problems that ``check`` reports.

    Args:
        reference_file: annotations of the references; crowd regions are ignored. A box or points may
            replace a mask.
        reference_images: folder of the reference images.
        target_file: annotations of the targets; None takes all images of the folder as targets, without
            ground truth.
        target_images: folder of the target images.
        shots: references per class; the first in file order are taken, so smaller sets are nested in larger
            ones; None takes all.
        limit: maximum number of target images, the first in file order; None takes all.
        classes: names of the classes to segment; None takes all classes of the reference file.
        negatives: COCO file of hard negatives in the reference images, each annotated with the class that it
            resembles; or ``mined``, for the model's false positives on the references; None for none.
        boxes_only: use the target boxes as ground truth instead of segmentations; masks are not evaluated.
        if_absent: advice in the error message if an annotation file is missing.
    """

    def __init__(
        self,
        reference_file: str | Path,
        reference_images: str | Path,
        target_file: str | Path | None,
        target_images: str | Path,
        shots: AtLeastOne | None = None,
        limit: AtLeastOne | None = None,
        classes: Sequence[str] | None = None,
        negatives: str | None = None,
        boxes_only: bool = False,
        if_absent: str = "correct the path",
    ) -> None:
        self.reference_file = Path(reference_file)
        self.reference_images = Path(reference_images)
        self.target_file = None if target_file is None else Path(target_file)
        self.target_images = Path(target_images)
        self.shots = shots
        self.limit = limit
        self.classes = None if classes is None else tuple(classes)
        self.mines_negatives = negatives == MINED
        self.negative_file = None if negatives in (None, MINED) else Path(str(negatives))
        self.boxes_only = boxes_only
        self.if_absent = if_absent

    @property
    def category_ids(self) -> tuple[int, ...]:
        """COCO id of each label."""
        return tuple(sorted(self._classes))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label."""
        return tuple(self._classes[category_id] for category_id in self.category_ids)

    @cached_property
    def references(self) -> References:
        """The selected references."""
        self._reference_content.sound()
        return References(self._reference_entries())

    @property
    def mask_file(self) -> Path:
        """File of the pseudo masks made from the references' boxes and points."""
        return self.reference_file.with_suffix(".masks.json")

    def with_masks(self, made: Mapping[int, PseudoMask]) -> dict[str, Any]:
        """Return the content of the reference file with pseudo masks added.

        Args:
            made: pseudo masks by index in ``references``.
        """
        content, chosen = read_json(self.reference_file, "annotations"), self._chosen()
        masks = {chosen[index].id: mask for index, mask in made.items()}
        content["annotations"] = [
            masks[entry["id"]].annotate(entry) if entry["id"] in masks else entry
            for entry in content["annotations"]
        ]
        return content

    @cached_property
    def negatives(self) -> References:
        """Hard negatives, labelled with the class that they resemble; empty without a negative file."""
        if self.negative_file is None:
            return References([])
        content = read_annotations(self.negative_file).sound()
        return References(self._entries(content, with_reference_categories(content, self._classes)))

    @cached_property
    def targets(self) -> Targets:
        """The target images."""
        if self._annotated is None:
            return Targets(folder_targets(self.target_images, self.limit))
        self._annotated.content.sound()
        return Targets(self._annotated.entries)

    @cached_property
    def ground_truth(self) -> COCO | None:
        """Annotations of ``targets`` with the category ids of the references; None without a target file."""
        self._reference_content.sound()
        return None if self._annotated is None else self._annotated.ground_truth

    def true_masks(self, image_id: int | str) -> tuple[Tensor, Tensor]:
        """Return the ground truth of a target image without crowd regions; requires a target file.

        Args:
            image_id: id of one of ``targets``.

        Returns:
            Masks ``(N, H, W)`` bool at image size and labels ``(N,)`` int64.
        """
        assert self._annotated is not None, "ground_truth is None"
        masks, categories = self._annotated.masks(image_id, crowd=False)
        return masks, torch.searchsorted(torch.tensor(self.category_ids), categories)

    def crowd_mask(self, image_id: int | str) -> Tensor:
        """Return the union of the crowd regions of a target image, of all classes: ``(H, W)`` bool."""
        assert self._annotated is not None, "ground_truth is None"
        return self._annotated.masks(image_id, crowd=True)[0].any(dim=0)

    def check(self, strict: bool = True) -> None:
        """Check the dataset before a run; only the headers of target images are read.

        Args:
            strict: report unreadable target images as problems even if others are readable.

        Raises:
            InputError: one line per problem.
        """
        problems = count_problems(self.shots, self.limit)
        problems = problems or [
            *self.reference_problems(),
            *self._target_problems(strict),
            *self._negative_problems(),
        ]
        if problems:
            raise InputError("\n".join(problems))

    def reference_problems(self) -> list[str]:
        """Check the references, decoding their images, and return one message per problem."""
        content, chosen = self._reference_content, self._chosen()
        problems = list(content.problems)
        if not problems:  # unreadable annotations must not be reported as missing
            problems += self._class_problems(Counter(a.category_id for a in chosen))
        problems += self._unknown_classes()
        return problems + image_problems(self._reference_entries(), whole=True)

    def _class_problems(self, counts: Counter[int]) -> list[str]:
        if not self._reference_content.categories:
            return [f"{self.reference_file}: categories is empty; add the classes to segment"]
        problems = []
        for category_id, name in self._wanted.items():
            where, count = f"{self.reference_file}: class {name!r}", counts[category_id]
            if count == 0:
                problems.append(f"{where} has no reference; annotate one or remove the category")
            elif self.shots is not None and count < self.shots:
                problems.append(
                    f"{where} has {count} of {self.shots} required references; annotate more or lower "
                    "dataset.shots"
                )
        return problems

    def _target_problems(self, strict: bool) -> list[str]:
        if self._annotated is not None:
            return self._annotated.problems() + target_problems(self._annotated.entries, strict)
        try:
            return target_problems(folder_targets(self.target_images, self.limit), strict)
        except InputError as error:
            return [str(error)]

    def _negative_problems(self) -> list[str]:
        if self.negative_file is None:
            return []
        content = read_annotations(self.negative_file)
        if content.problems:
            return list(content.problems)
        return image_problems(
            self._entries(content, with_reference_categories(content, self._wanted)), whole=True
        )

    def _chosen(self) -> list[Annotation]:
        """Return the first ``shots`` annotations of each class."""
        counts: Counter[int] = Counter()
        chosen = []
        for annotation in self._reference_content.annotations:
            if annotation.crowd or annotation.category_id not in self._wanted:
                continue
            if self.shots is None or counts[annotation.category_id] < self.shots:
                counts[annotation.category_id] += 1
                chosen.append(annotation)
        return chosen

    def _reference_entries(self) -> list[ReferenceEntry]:
        return self._entries(self._reference_content, self._chosen())

    def _entries(self, content: AnnotationFile, annotations: Iterable[Annotation]) -> list[ReferenceEntry]:
        labels = {category_id: k for k, category_id in enumerate(sorted(self._wanted))}
        entries = []
        for annotation in annotations:
            image = content.images[annotation.image_id]
            file = self.reference_images / image.file_name
            source = f"{file}, annotation {annotation.id}"
            label = labels[annotation.category_id]
            size, prompt = (image.height, image.width), annotation.prompt
            mask = annotation.mask if prompt is None else None
            entries.append(ReferenceEntry(file, size, mask, label, source, prompt))
        return entries

    @property
    def _classes(self) -> dict[int, str]:
        self._reference_content.sound()
        return self._wanted

    @cached_property
    def _wanted(self) -> dict[int, str]:
        """Names of the selected categories of the reference file by id, as far as it could be read."""
        known = self._reference_content.categories
        return {category_id: name for category_id, name in known.items() if name in (self.classes or {name})}

    def _unknown_classes(self) -> list[str]:
        known = list(self._reference_content.categories.values())
        return [
            f"{self.reference_file}: dataset.classes contains {name!r}, which is not among the categories. "
            f"{did_you_mean(name, known)}"
            for name in self.classes or ()
            if known and name not in known
        ]

    @cached_property
    def _reference_content(self) -> AnnotationFile:
        return self._read_references()

    def _read_references(self) -> AnnotationFile:
        return read_annotations(self.reference_file, self.if_absent, prompts=True, classes=self.classes)

    @cached_property
    def _annotated(self) -> AnnotatedTargets | None:
        if self.target_file is None:
            return None
        return AnnotatedTargets(
            self.target_file, self.target_images, self._wanted, self.limit, self.boxes_only, self.if_absent
        )
