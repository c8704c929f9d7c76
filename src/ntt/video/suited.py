"""The tracker that a segmenter is able to serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ntt.models import PrototypeMatching
from ntt.video.base import Tracker

MakeTracker: TypeAlias = Callable[[PrototypeMatching], Tracker]


def suited_tracker(
    model: PrototypeMatching, with_memory: MakeTracker, without_memory: MakeTracker
) -> Tracker:
    """One of two, by whether the model's segmenter was trained to remember frames.

    Args:
        model: fitted.
        with_memory: makes the tracker where it was.
        without_memory: makes the tracker elsewhere.
    """
    return (with_memory if model.segmenter.video_memory else without_memory)(model)
