"""What every model does: fit on references, predict instances."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Self

from torch import Tensor, nn

from ntt.structures import Instances, Reference


class ReferenceSegmenter(nn.Module, ABC):
    """A frozen encoder and segmenter joined by a memory of reference features."""

    @abstractmethod
    def fit(self, references: Iterable[Reference], class_names: Sequence[str]) -> Self:
        """Fill and aggregate the memory, making the masks that references lack; replaces what was there."""

    @abstractmethod
    def predict(self, image: Tensor) -> Instances:
        """Segment ``(3, H, W)`` float in [0, 1]; masks and boxes at H x W."""
