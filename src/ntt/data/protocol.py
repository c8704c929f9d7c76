"""The few-shot protocols of papers."""

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
    """References that a protocol draws or comes with, and its targets.

    Args:
        reference_file: annotations of the references and of nothing else.
        reference_images: folder of their pictures.
        target_file: annotations of the targets.
        target_images: folder of the targets' pictures.
        sampler: makes the reference file where it is absent; None: it comes with the data set.
        limit: at most so many target images, the first in file order; None takes all.
        classes: names of the classes to look for; None looks for all of the sampler, or else of the file.
        negatives: look-alikes, as ``FewShotDataset`` has them.
        boxes_only: take the boxes of the targets for the truth, and no segmentations; masks are not judged.
        if_absent: what to do where a file or a folder is absent, for the message.
        choices: what a configuration makes the other arguments of, such as ``root``, ``seed`` and ``fold``;
            not looked at.
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
        """Look for everything that would stop a run later; pictures of targets are not read wholly.

        Args:
            strict: whether some targets' pictures may not be unreadable.

        Raises:
            InputError: one line for each problem found; only one where a whole file or folder is absent.
        """
        file = self._reference_content.file
        for path in (file, self.target_file, self.reference_images, self.target_images):
            if path is not None and not path.exists():
                raise InputError(f"{path}: is not there; {self.if_absent}")
        super().check(strict)

    @cached_property
    def _reference_content(self) -> AnnotationFile:
        if self.sampler is not None:
            self.sampler.provide(self.reference_file)
        return self._read_references()
