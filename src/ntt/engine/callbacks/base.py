"""What callbacks share that look at the images of ``test`` one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from lightning import Callback, Trainer

from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages
from ntt.engine.unreadable import Unreadable
from ntt.structures import Target


class OutcomeCallback(Callback, ABC):
    """Sees every target image with what the model made of it, whatever the size of a batch."""

    @abstractmethod
    def on_outcome(self, stages: Stages, outcome: Outcome) -> None:
        """One image is done."""

    def on_skipped(self, stages: Stages, unreadable: Unreadable) -> None:
        """One image could not be read."""

    def on_test_batch_end(  # type: ignore[override]
        self,
        trainer: Trainer,
        pl_module: Stages,
        outputs: Sequence[Outcome],
        batch: Sequence[Target | Unreadable],
        *_: Any,
    ) -> None:
        """Take the images of a batch one by one."""
        for each in batch:
            if isinstance(each, Unreadable):
                self.on_skipped(pl_module, each)
        for outcome in outputs:
            self.on_outcome(pl_module, outcome)
