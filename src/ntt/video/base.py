"""What every tracker does: takes frames one by one, and says what is where and which object it is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from ntt.data.values import is_number
from ntt.errors import InputError
from ntt.matching import uncovered
from ntt.models import PrototypeMatching
from ntt.structures import Instances


class Tracker(ABC):
    """Follows the objects of one video; another video takes another tracker.

    Args:
        model: fitted; finds the objects.
        every: objects are looked for in the first frame and every so many frames.
        min_iou: mask IoU from which a detection is a known object of its class.
        patience: frames for which an object may be out of sight and keep its identity.
        share_of_best: detections that score less than this share of their frame's best are left out.
        max_objects: at most so many detections of a frame are looked at, the best that do not cover
            each other.

    Raises:
        InputError: a setting is outside its range.
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
                limits = f"{least} or more" if most is None else f"from {least} to {most}"
                raise InputError(f"tracking.{name} is {value}; make it {limits}")
        self.model = model
        self.every = every
        self.min_iou = min_iou
        self.patience = patience
        self.share_of_best = share_of_best
        self.max_objects = max_objects
        self._frames = 0

    def step(self, image: Tensor) -> tuple[Instances, Tensor]:
        """Take the next frame.

        Args:
            image: ``(3, H, W)`` float in [0, 1], of the size of the frames before.

        Returns:
            What is in sight, best first, and the identity of each, ``(N,)`` int64, counted from 1. An
            identity is never given to a second object.
        """
        number, self._frames = self._frames, self._frames + 1
        return self._follow(number, image)

    @abstractmethod
    def _follow(self, number: int, image: Tensor) -> tuple[Instances, Tensor]:
        """The frame of a number; see ``step``."""

    def _detect(self, number: int, image: Tensor) -> Instances | None:
        """What the model finds, without what covers something better; None in frames that are left out."""
        if number % self.every:
            return None
        found = self.model.predict(image)
        return found.subset(uncovered(found, self.share_of_best, self.max_objects))
