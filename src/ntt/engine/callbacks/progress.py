"""Progress bars for the Lightning loops."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console

from ntt.engine.stage_bar import StageBar
from ntt.engine.stages import Stages
from ntt.options import NotNegative


class StageProgress(Callback):
    """Show a progress bar for each stage on a terminal; otherwise log lines at intervals and at the end.

    Args:
        seconds_between_lines: Seconds between log lines if there is no terminal.
    """

    def __init__(self, seconds_between_lines: NotNegative) -> None:
        self.seconds_between_lines = seconds_between_lines
        self.console = Console()
        self._bar: StageBar | None = None

    def on_validation_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Begin ``mask_references``."""
        count = sum(map(len, pl_module.dataset.references.without_mask()))
        self._begin("mask_references", "references", count)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Count the references of an image."""
        self._advance(len(batch))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End ``mask_references``."""
        self._end()

    def on_predict_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Begin ``fill_memory``."""
        left = len(pl_module.dataset.references) - len(pl_module.model.memory)
        self._begin("fill_memory", "references", left)

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Count a batch of references."""
        self._advance(len(batch))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End ``fill_memory``."""
        self._end()

    def on_test_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Begin ``test``."""
        self._begin("test", "images", len(trainer.datamodule.share))  # type: ignore[attr-defined]

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Count a batch of target images."""
        self._advance(len(batch))

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End ``test``; evaluation follows."""
        self._end()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the terminal."""
        self._end(complete=False)

    def _begin(self, name: str, unit: str, total: int) -> None:
        self._bar = StageBar(name, unit, total, self.seconds_between_lines, self.console).start()

    def _advance(self, count: int) -> None:
        if self._bar is not None:
            self._bar.advance(count)

    def _end(self, complete: bool = True) -> None:
        if self._bar is not None:
            self._bar.stop(complete)
            self._bar = None
