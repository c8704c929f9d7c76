"""An image as the encoder sees it, beside the memory that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from ntt.matching.similarity import similarity_maps
from ntt.memory import MemoryBank
from ntt.precision import as_given


@dataclass(frozen=True)
class Patches:
    """Patch features of one image, and what proposal strategies want to know of them.

    Attributes:
        plain: ``(h, w, C)`` features as the backbone gives them.
        features: ``(h, w, C)`` features without the positional component that the encoder removes; the same
            tensor where it removes none. Everything is compared with the memory by these.
        memory: of K classes, aggregated.
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
