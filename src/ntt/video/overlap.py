"""Tracking by mask overlap, for all segmenters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ntt.models import PrototypeMatching
from ntt.structures import Instances
from ntt.video.base import Tracker
from ntt.video.tracks import Tracks


class OverlapTracker(Tracker):
    """Assign detections to objects by the overlap with their masks, extrapolated at constant speed.

    In frames without detection, the last visible objects are extrapolated.

    Args:
        model: fitted model that detects the objects.
        settings: settings of :class:`Tracker`.
    """

    def __init__(self, model: PrototypeMatching, **settings: Any) -> None:
        super().__init__(model, **settings)
        self._tracks = Tracks(self.min_iou, self.patience, self.every)
        self._seen = torch.zeros(0, dtype=torch.int64)

    def _follow(self, number: int, image: Tensor) -> tuple[Instances, Tensor]:
        found = self._detect(number, image)
        if found is None:
            return self._tracks.moved_on(number, self._seen, *image.shape[1:])
        self._seen = self._tracks.update(number, found)
        return found, self._seen
