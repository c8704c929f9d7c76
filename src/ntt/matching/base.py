"""Matcher interface: turn proposals and a reference memory into scored instances."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ntt.memory import MemoryBank
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


class Matcher(Protocol):
    """Label, score and filter the proposals of an image.

    Attributes:
        nms_iou: box IoU above which the worse of two proposals of a class is dropped.
        max_instances: maximum number of returned instances.
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
            memory: aggregated memory of K classes.
            height: image height in pixels.
            width: image width in pixels.
        """

    def similarities(self, features: Tensor, masks: Tensor, memory: MemoryBank) -> Tensor:
        """Compute the similarity of masks ``(N, m, n)`` bool to each class, ``(N, K)`` in [-1, 1]."""
