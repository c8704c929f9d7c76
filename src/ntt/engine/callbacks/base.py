"""Base class of the callbacks that process the images of ``test`` one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from lightning import Callback

from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages


class OutcomeCallback(Callback, ABC):
    """Callback that receives one target image at a time with its results, independent of the batch size.

    Another process, or one that has since been killed, may have processed an image. Data needed for the
    summary is therefore returned as a note, which :class:`ntt.engine.recorder.Recorder` stores on disk.
    """

    @abstractmethod
    def on_outcome(self, stages: Stages, outcome: Outcome) -> Any:
        """Process one segmented image.

        Returns:
            A JSON-serializable note about the image, or None.
        """

    def summarise(self, stages: Stages, notes: Sequence[Any], unread: Sequence[int | str]) -> None:
        """Summarise the notes of all images. Called once, in one process, after the last image.

        Args:
            stages: Stages of that process.
            notes: Notes of all segmented images, in dataset order.
            unread: Ids of the images that could not be read.
        """
