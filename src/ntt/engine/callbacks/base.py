"""What callbacks share that look at the images of ``test`` one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from lightning import Callback, Trainer

from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages


class OutcomeCallback(Callback, ABC):
    """Sees every target image with what the model made of it, whatever the size of a batch."""

    @abstractmethod
    def on_outcome(self, stages: Stages, outcome: Outcome) -> None:
        """One image is done."""

    def on_test_batch_end(  # type: ignore[override]
        self, trainer: Trainer, pl_module: Stages, outputs: Sequence[Outcome], *_: Any
    ) -> None:
        """Take the images of a batch one by one."""
        for outcome in outputs:
            self.on_outcome(pl_module, outcome)
