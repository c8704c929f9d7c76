"""Encoding of references into the reference memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.encoders.base import Encoder
from ntt.errors import InputError
from ntt.memory.bank import MemoryBank
from ntt.memory.crop import crop_reference, whole_reference
from ntt.memory.files import MADE_WITH, REFERENCES_FINGERPRINT
from ntt.options import AtLeastOne, Count, NotNegative
from ntt.structures import Reference

Item = TypeVar("Item")


class ReferenceMemory:
    """Build a memory bank from references.

    Args:
        context_ratio: margin of the square crop around the instance's box, relative to its longer side.
        batch_size: number of crops encoded per batch.
        normalise: L2-normalise patch features before pooling.
        patches: number of patch centres stored per instance in addition to its mean, for scorers that compare
            patches.
        negatives_per_class: number of hard negatives stored per class if they are mined.
        whole_image: encode whole reference images instead of crops.
        whole_patches: pool only patches that are more than half inside the mask, with equal weight; otherwise
            weight each patch by its share inside the mask.
        maps: store the feature map of every reference image, for methods that match single patches.
        max_classes: maximum number of classes; None for no limit.
        max_references: maximum number of references per class; None for no limit.
    """

    def __init__(
        self,
        context_ratio: NotNegative,
        batch_size: AtLeastOne,
        normalise: bool = False,
        patches: Count = 0,
        negatives_per_class: Count = 5,
        max_classes: AtLeastOne | None = None,
        max_references: AtLeastOne | None = None,
        whole_image: bool = False,
        whole_patches: bool = False,
        maps: bool = False,
    ) -> None:
        self.context_ratio = context_ratio
        self.batch_size = batch_size
        self.normalise = normalise
        self.patches = patches
        self.negatives_per_class = negatives_per_class
        self.max_classes = max_classes
        self.max_references = max_references
        self.whole_image = whole_image
        self.whole_patches = whole_patches
        self.maps = maps

    def empty_bank(
        self, encoder: Encoder, class_names: Sequence[str], references_fingerprint: str
    ) -> MemoryBank:
        """Create an empty bank whose fingerprint covers encoder, crop, pooling and references.

        Raises:
            InputError: more than ``max_classes`` classes.
        """
        self.check_classes(class_names)
        crop = "whole_image=True" if self.whole_image else f"context_ratio={self.context_ratio}"
        options = (
            f"{crop}, normalise={self.normalise}, patches={self.patches}, "
            f"whole_patches={self.whole_patches}, maps={self.maps}"
        )
        made_with = f"{encoder.name} at {encoder.img_size} pixels, {options}"
        content = f"{encoder.fingerprint} {options} {references_fingerprint}"
        return MemoryBank(
            class_names,
            hashlib.sha256(content.encode()).hexdigest()[:16],
            self.patches,
            {REFERENCES_FINGERPRINT: references_fingerprint, MADE_WITH: made_with},
            self.maps,
        )

    def check_classes(self, class_names: Sequence[str]) -> None:
        """Raise InputError if there are more than ``max_classes`` classes."""
        if self.max_classes is not None and len(class_names) > self.max_classes:
            raise InputError(
                f"{len(class_names)} classes exceed the memory's limit of {self.max_classes}: use fewer, or "
                "raise model.memory.max_classes (category_num in memory_bank_cfg)"
            )

    def add_references(
        self, bank: MemoryBank, encoder: Encoder, references: Iterable[Reference], device: torch.device
    ) -> None:
        """Add every reference to the bank, reading one batch at a time.

        Raises:
            InputError: a mask is empty, or a class has more than ``max_references`` references.
        """
        for reference, features, covered in self._encoded(encoder, references, device):
            self._check_room(bank, reference.label)
            bank.add(features, covered, reference.label)

    def add_hard_negatives(
        self, bank: MemoryBank, encoder: Encoder, references: Iterable[Reference], device: torch.device
    ) -> None:
        """Add hard negatives to the bank, each labelled by the class it is a negative of.

        Raises:
            InputError: a mask is empty.
        """
        for reference, features, covered in self._encoded(encoder, references, device):
            bank.add_negative(features, covered, reference.label)

    def _encoded(
        self, encoder: Encoder, references: Iterable[Reference], device: torch.device
    ) -> Iterator[tuple[Reference, Tensor, Tensor]]:
        """Yield each reference with its patch features ``(h, w, C)`` and each patch's share in its mask."""
        for batch in batches(references, self.batch_size):
            crops, weights = zip(*(self._crop(reference, encoder) for reference in batch), strict=True)
            features = encoder(torch.stack(crops).to(device)).float()
            if self.normalise:
                features = F.normalize(features, dim=-1)
            if self.whole_patches:
                weights = tuple(map(_whole, weights))
            yield from zip(batch, features, weights, strict=True)

    def _check_room(self, bank: MemoryBank, label: int) -> None:
        most = self.max_references
        if most is not None and int((bank.labels == label).sum()) >= most:
            raise InputError(
                f"class {bank.class_names[label]!r} exceeds the memory's limit of {most} references: use "
                "fewer, or raise model.memory.max_references (length in memory_bank_cfg)"
            )

    def _crop(self, reference: Reference, encoder: Encoder) -> tuple[Tensor, Tensor]:
        if reference.mask is None or not reference.mask.any():
            raise InputError(
                f"{reference.source}: the mask of this reference is empty: draw it or remove the reference"
            )
        masked = (reference.image, reference.mask)
        if self.whole_image:
            return whole_reference(*masked, encoder.img_size, encoder.patch_size)
        return crop_reference(*masked, self.context_ratio, encoder.img_size, encoder.patch_size)


def _whole(shares: Tensor) -> Tensor:
    """Return 1 for patches more than half covered, else 0; small objects keep their most covered patches."""
    return (shares > min(0.5, 0.999 * float(shares.max()))).float()


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of ``size`` items, reading lazily; the last list may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
