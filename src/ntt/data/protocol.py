"""Few-shot protocols of published benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ntt.data.annotation_entries import AnnotationFile
from ntt.data.few_shot import FewShotDataset
from ntt.data.sampling import Sampler
from ntt.errors import InputError


class ProtocolDataset(FewShotDataset):
    """References and targets of a few-shot protocol.

    Args:
        reference_file: COCO file that contains only the references.
        reference_images: folder of the reference images.
        target_file: annotations of the targets.
        target_images: folder of the target images.
        sampler: creates a missing reference file; None if the dataset provides the file.
        limit: maximum number of target images, the first in file order; None takes all.
        classes: names of the classes to segment; None takes those of the sampler, or else of the file.
        negatives: hard negatives, as in ``FewShotDataset``.
        boxes_only: use the target boxes as ground truth instead of segmentations; masks are not evaluated.
        if_absent: advice in the error message if a file or folder is missing.
        choices: options from which a config derives the other arguments, such as ``root``, ``seed`` and
            ``fold``; unused here.
    """

    def __init__(
        self,
        reference_file: str | Path,
        reference_images: str | Path,
        target_file: str | Path,
        target_images: str | Path,
        sampler: Sampler | None = None,
        limit: int | None = None,
        classes: Sequence[str] | None = None,
        negatives: str | None = None,
        boxes_only: bool = False,
        if_absent: str = "correct the path",
        **choices: Any,
    ) -> None:
        super().__init__(
            reference_file,
            reference_images,
            target_file,
            target_images,
            limit=limit,
            classes=sampler.classes if classes is None and sampler is not None else classes,
            negatives=negatives,
            boxes_only=boxes_only,
            if_absent=if_absent,
        )
        self.sampler = sampler

    def check(self, strict: bool = True) -> None:
        """Check the dataset before a run; only the headers of target images are read.

        Args:
            strict: report unreadable target images as problems even if others are readable.

        Raises:
            InputError: one line per problem; a missing file or folder is reported alone.
        """
        file = self._reference_content.file
        for path in (file, self.target_file, self.reference_images, self.target_images):
            if path is not None and not path.exists():
                raise InputError(f"{path}: not found; {self.if_absent}")
        super().check(strict)

    @cached_property
    def _reference_content(self) -> AnnotationFile:
        if self.sampler is not None:
            self.sampler.provide(self.reference_file)
        return self._read_references()
