"""Tracker interface: process frames one by one and return instances with ids; choice of a tracker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from ntt.data.validation import is_number
from ntt.errors import InputError
from ntt.matching import uncovered
from ntt.models import PrototypeMatching
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

    def __init__(
        self,
        model: PrototypeMatching,
        every: int,
        min_iou: float,
        patience: int,
        share_of_best: float,
        max_objects: int,
    ) -> None:
        for name, value, least, most in (
            ("every", every, 1, None),
            ("min_iou", min_iou, 0, 1),
            ("patience", patience, 0, None),
            ("share_of_best", share_of_best, 0, 1),
            ("max_objects", max_objects, 1, None),
        ):
            if not is_number(value) or value < least or (most is not None and value > most):
                limits = f"at least {least}" if most is None else f"in [{least}, {most}]"
                raise InputError(f"tracking.{name} must be {limits}, got {value}")
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
