"""What callbacks share that look at the images of ``test`` one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from lightning import Callback

from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages


class OutcomeCallback(Callback, ABC):
    """Sees every target image with what the model made of it, whatever the size of a batch.

    An image may be seen by another process, or by one that was killed since. What is to be known of it in
    the end is therefore returned as a note, which :class:`ntt.engine.recorder.Recorder` keeps on disk.
    """

    @abstractmethod
    def on_outcome(self, stages: Stages, outcome: Outcome) -> Any:
        """One image is done; returns a note about it, ready for JSON, None where there is nothing to note."""

    def summarise(self, stages: Stages, notes: Sequence[Any], unread: Sequence[int | str]) -> None:
        """All images are done, in one process.

        Args:
            stages: of that process.
            notes: of all images that were segmented, in their order.
            unread: ids of the images that could not be read.
        """
