"""Masks of references that came with a box or points: those of an earlier run, or new ones."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ntt.data import FewShotDataset
from ntt.data.made_masks import MadeMask, origin, read_made_masks
from ntt.data.masks import encode_mask
from ntt.data.prompts import write_prompt
from ntt.errors import InputError
from ntt.reporting.files import write_json
from ntt.segmenters.base import Segmenter

logger = logging.getLogger(__name__)


class ReferenceMasks:
    """Completes the references of a data set, and keeps what was made of them in its ``mask_file``.

    Args:
        dataset: holds the references.
        segmenter: makes the masks.
    """

    def __init__(self, dataset: FewShotDataset, segmenter: Segmenter) -> None:
        self.dataset = dataset
        self.segmenter = segmenter
        self._made: dict[int, MadeMask] = {}
        self._empty: list[str] = []
        self._foreign = False

    def recall(self) -> int:
        """Give references the masks that were made before, of the same picture and prompt by this segmenter.

        Returns:
            How many references have no mask yet.
        """
        references, file = self.dataset.references, self.dataset.mask_file
        lacking = [index for group in references.without_mask() for index in group]
        if not lacking:
            return 0
        stored = read_made_masks(file)
        self._foreign = file.exists() and not stored
        for index in lacking:
            found = stored.get(origin(self._source(index)))
            if found is not None and tuple(found.mask["size"]) == references.entries[index].size:
                self._keep(index, found)
        if self._made:
            logger.info("mask_references: %d of %d masks are in %s", len(self._made), len(lacking), file)
        return len(lacking) - len(self._made)

    def add(self, indices: Sequence[int], masks: Tensor, ious: Tensor) -> None:
        """Give references their new masks.

        Args:
            indices: which N of the data set's references.
            masks: ``(N, H, W)`` bool.
            ious: ``(N,)``, as predicted.
        """
        for index, mask, iou in zip(indices, masks, ious.tolist(), strict=True):
            if mask.any():
                source = {**self._source(index), "predicted_iou": round(iou, 4)}
                self._keep(index, MadeMask(encode_mask(mask), source))
            else:
                entry = self.dataset.references.entries[index]
                self._empty.append(
                    f"{entry.source}: {self.segmenter.name} finds nothing at its box or points; "
                    "draw a mask or correct them"
                )

    def store(self) -> None:
        """Write all masks; where that cannot be done, say so and go on.

        Raises:
            InputError: some masks are empty, one a line.
        """
        file = self.dataset.mask_file
        if self._foreign:
            logger.warning("%s holds no masks made here and is left alone; the new ones are not stored", file)
        elif self._made:
            try:
                write_json(file, self.dataset.with_masks(self._made), indent=None)
            except (OSError, ValueError) as error:  # ValueError: a NaN in what is copied
                logger.warning("%s: the masks made cannot be stored (%s)", file, error)
            else:
                logger.info("mask_references: %d masks are in %s", len(self._made), file)
        if self._empty:
            raise InputError("\n".join(self._empty))

    def _keep(self, index: int, made: MadeMask) -> None:
        self._made[index] = made
        self.dataset.references.give_mask(index, made.mask)

    def _source(self, index: int) -> dict[str, Any]:
        entry = self.dataset.references.entries[index]
        assert entry.prompt is not None, "references have a mask or a prompt"
        return {
            "segmenter": self.segmenter.name,
            "fingerprint": self.segmenter.fingerprint,
            "picture": _digest(entry.file),
            "prompt": write_prompt(entry.prompt),
        }


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]
