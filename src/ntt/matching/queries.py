"""Masks of an image as the encoder sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from torch import Tensor

from ntt.matching.pooling import patch_weights


@dataclass(frozen=True)
class Queries:
    """N masks whose class is asked for.

    Attributes:
        features: ``(P, C)`` patch features of the image.
        weights: ``(N, P)``, how much each patch counts in each mask; rows sum to 1, an empty
            mask's to 0.
    """

    features: Tensor
    weights: Tensor

    @classmethod
    def of(cls, features: Tensor, masks: Tensor) -> Self:
        """Queries of patch features ``(h, w, C)`` and masks ``(N, m, n)`` bool over the same image.

        A feature that is not finite, as half precision may leave some, counts as zero, or it would spoil all.
        """
        finite = features.flatten(0, 1).nan_to_num(0.0, 0.0, 0.0)
        return cls(finite, patch_weights(features, masks))

    @cached_property
    def vectors(self) -> Tensor:
        """Mean feature inside each mask, ``(N, C)``; zeros for an empty one."""
        return self.weights @ self.features

    def __len__(self) -> int:
        return len(self.weights)
