"""Tracker interface: process frames one by one and return instances with ids; choice of a tracker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from ntt.matching import uncovered
from ntt.models import PrototypeMatching
from ntt.options import AtLeastOne, Count, Share, checked
from ntt.structures import Instances


class Tracker(ABC):
    """Track the objects of one video; each video needs a new tracker.

    Args:
        model: fitted model that detects the objects.
        every: detection interval in frames, starting with the first frame.
        min_iou: minimum mask IoU at which a detection is assigned to a known object of its class.
        patience: number of frames for which an object may be invisible and keep its identity.
        share_of_best: detections below this share of the best score in the frame are dropped.
        max_objects: maximum number of detections per frame; the best that do not cover each other are kept.

    Raises:
        InputError: a setting is out of range.
    """

    @checked
    def __init__(
        self,
        model: PrototypeMatching,
        every: AtLeastOne,
        min_iou: Share,
        patience: Count,
        share_of_best: Share,
        max_objects: AtLeastOne,
    ) -> None:
        self.model = model
        self.every = every
        self.min_iou = min_iou
        self.patience = patience
        self.share_of_best = share_of_best
        self.max_objects = max_objects
        self._frames = 0

    def step(self, image: Tensor) -> tuple[Instances, Tensor]:
        """Process the next frame.

        Args:
            image: ``(3, H, W)`` float in [0, 1], of the same size as the previous frames.

        Returns:
            The visible instances, best first, and their identities, ``(N,)`` int64, from 1. An identity is
            never reused for another object.
        """
        number, self._frames = self._frames, self._frames + 1
        return self._follow(number, image)

    @abstractmethod
    def _follow(self, number: int, image: Tensor) -> tuple[Instances, Tensor]:
        """Process the frame with the given number; see ``step``."""

    def _detect(self, number: int, image: Tensor) -> Instances | None:
        """Detect instances that do not cover better ones; None in frames without detection."""
        if number % self.every:
            return None
        found = self.model.predict(image)
        return found.subset(uncovered(found, self.share_of_best, self.max_objects))


MakeTracker: TypeAlias = Callable[[PrototypeMatching], Tracker]


def suited_tracker(
    model: PrototypeMatching, with_memory: MakeTracker, without_memory: MakeTracker
) -> Tracker:
    """Create a tracker, depending on whether the model's segmenter has a trained memory of frames.

    Args:
        model: fitted model.
        with_memory: creates the tracker for a segmenter with a trained memory.
        without_memory: creates the tracker for all other segmenters.
    """
    return (with_memory if model.segmenter.video_memory else without_memory)(model)
