"""Patch features of an image together with the reference memory, and their pooling over proposals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from torch import Tensor

from ntt.matching.ops import patch_weights, similarity_maps
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


@dataclass(frozen=True)
class Queries:
    """N masks to classify.

    Attributes:
        features: ``(P, C)`` patch features of the image.
        weights: ``(N, P)``, weight of each patch in each mask; rows sum to 1, or to 0 for an empty mask.
    """

    features: Tensor
    weights: Tensor

    @classmethod
    def of(cls, features: Tensor, masks: Tensor) -> Self:
        """Create queries from patch features ``(h, w, C)`` and masks ``(N, m, n)`` bool over the same image.

        Non-finite features, which half precision can produce, are set to zero; otherwise they would spread to
        all masks.
        """
        finite = features.flatten(0, 1).nan_to_num(0.0, 0.0, 0.0)
        return cls(finite, patch_weights(features, masks))

    @cached_property
    def vectors(self) -> Tensor:
        """Mean feature inside each mask, ``(N, C)``; zeros for an empty mask."""
        return self.weights @ self.features

    def __len__(self) -> int:
        return len(self.weights)
