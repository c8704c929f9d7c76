"""Model interface: fit on references, predict instances."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Self

from torch import Tensor, nn

from ntt.structures import Instances, Reference


class ReferenceSegmenter(nn.Module, ABC):
    """Frozen encoder and segmenter combined with a memory of reference features."""

    @abstractmethod
    def fit(self, references: Iterable[Reference], class_names: Sequence[str]) -> Self:
        """Build a new memory from references, creating pseudo masks for references without a mask."""

    @abstractmethod
    def predict(self, image: Tensor) -> Instances:
        """Segment ``(3, H, W)`` float in [0, 1]; masks and boxes at H x W."""
