"""Patch features of an image together with the reference memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from ntt.matching.similarity import similarity_maps
from ntt.memory import MemoryBank
from ntt.precision import as_given


@dataclass(frozen=True)
class Patches:
    """Patch features of one image and their similarity to the classes, for proposal strategies.

    Attributes:
        plain: ``(h, w, C)`` features before debiasing.
        features: ``(h, w, C)`` debiased features, used for all comparisons with the memory; equal to
            ``plain`` if the encoder does not debias.
        memory: aggregated memory of K classes.
    """

    plain: Tensor
    features: Tensor
    memory: MemoryBank

    @cached_property
    def similarity(self) -> Tensor:
        """Cosine of every patch with every class prototype, ``(K, h, w)`` in [-1, 1]; K may be 0."""
        if not self.memory.class_names:
            return self.features.new_zeros(0, *self.features.shape[:2])
        with as_given(self.features.device):
            return similarity_maps(self.features.float(), self.memory.prototypes.to(self.features.device))
