"""Choice of the tracker that a segmenter supports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ntt.models import PrototypeMatching
from ntt.video.base import Tracker

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
