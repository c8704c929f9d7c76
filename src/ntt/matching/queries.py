"""Masks of an image with their patch features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from torch import Tensor

from ntt.matching.pooling import patch_weights


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
