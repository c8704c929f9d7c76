"""Pseudo masks of references that have a box or points instead of a mask."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ntt.data import FewShotDataset
from ntt.data.masks import encode_mask
from ntt.data.prompts import write_prompt
from ntt.data.pseudo_masks import PseudoMask, origin, read_pseudo_masks
from ntt.errors import InputError
from ntt.io import file_sha256, write_json
from ntt.segmenters.base import Segmenter

logger = logging.getLogger(__name__)


class ReferenceMasks:
    """Add pseudo masks to the references of a dataset and store them in its ``mask_file``.

    Args:
        dataset: Dataset with the references.
        segmenter: Makes the pseudo masks.
    """

    def __init__(self, dataset: FewShotDataset, segmenter: Segmenter) -> None:
        self.dataset = dataset
        self.segmenter = segmenter
        self._made: dict[int, PseudoMask] = {}
        self._empty: list[str] = []
        self._foreign = False

    def recall(self) -> int:
        """Load the pseudo masks that this segmenter made earlier from the same images and prompts.

        Returns:
            Number of references that still have no mask.
        """
        references, file = self.dataset.references, self.dataset.mask_file
        missing = [index for group in references.without_mask() for index in group]
        if not missing:
            return 0
        stored = read_pseudo_masks(file)
        self._foreign = file.exists() and not stored
        for index in missing:
            found = stored.get(origin(self._source(index)))
            if found is not None and tuple(found.mask["size"]) == references.entries[index].size:
                self._keep(index, found)
        if self._made:
            logger.info("mask_references: loaded %d of %d masks from %s", len(self._made), len(missing), file)
        return len(missing) - len(self._made)

    def add(self, indices: Sequence[int], masks: Tensor, ious: Tensor) -> None:
        """Add new pseudo masks to references.

        Args:
            indices: Indices of N references of the dataset.
            masks: ``(N, H, W)`` bool.
            ious: ``(N,)`` predicted IoUs.
        """
        for index, mask, iou in zip(indices, masks, ious.tolist(), strict=True):
            if mask.any():
                source = {**self._source(index), "predicted_iou": round(iou, 4)}
                self._keep(index, PseudoMask(encode_mask(mask), source))
            else:
                entry = self.dataset.references.entries[index]
                self._empty.append(
                    f"{entry.source}: {self.segmenter.name} found no object at its box or points; "
                    "correct them or draw a mask"
                )

    def store(self) -> None:
        """Write all pseudo masks; log a warning if the file cannot be written.

        Raises:
            InputError: Some masks are empty; one line for each.
        """
        file = self.dataset.mask_file
        if self._foreign:
            logger.warning("%s was not written by ntt and is not overwritten; new masks are not stored", file)
        elif self._made:
            try:
                write_json(file, self.dataset.with_masks(self._made), indent=None)
            except (OSError, ValueError) as error:  # ValueError: a NaN in the copied annotations
                logger.warning("%s: cannot store the pseudo masks (%s)", file, error)
            else:
                logger.info("mask_references: stored %d masks in %s", len(self._made), file)
        if self._empty:
            raise InputError("\n".join(self._empty))

    def _keep(self, index: int, made: PseudoMask) -> None:
        self._made[index] = made
        self.dataset.references.give_mask(index, made.mask)

    def _source(self, index: int) -> dict[str, Any]:
        entry = self.dataset.references.entries[index]
        assert entry.prompt is not None, "references have a mask or a prompt"
        return {
            "segmenter": self.segmenter.name,
            "fingerprint": self.segmenter.fingerprint,
            "image": file_sha256(entry.file)[:16],
            "prompt": write_prompt(entry.prompt),
        }
