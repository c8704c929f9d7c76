"""The contract of every matcher: proposals and memory become scored instances."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ntt.memory import MemoryBank
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


class Matcher(Protocol):
    """Labels, scores and thins out the proposals of an image.

    Attributes:
        nms_iou: box IoU above which, within a class, the worse of two proposals is dropped.
        max_instances: at most so many instances are reported.
    """

    nms_iou: float
    max_instances: int

    def __call__(
        self, features: Tensor, proposals: Proposals, memory: MemoryBank, height: int, width: int
    ) -> Instances:
        """Match the proposals of one image.

        Args:
            features: ``(h, w, C)`` patch features of the image.
            proposals: N masks on the segmenter's square grid.
            memory: of K classes, aggregated.
            height: of the image in pixels.
            width: of the image in pixels.
        """

    def similarities(self, features: Tensor, masks: Tensor, memory: MemoryBank) -> Tensor:
        """How much masks ``(N, m, n)`` bool over the image resemble each class, ``(N, K)`` in [-1, 1]."""
