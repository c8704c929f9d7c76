"""How far a stage is, how fast it goes and how long it will take."""

from __future__ import annotations

import logging
import time
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ntt.engine.stages import Stages

logger = logging.getLogger(__name__)


class StageProgress(Callback):
    """A bar for each stage on a terminal; elsewhere a log line now and then, and one at the end.

    Args:
        seconds_between_lines: how often a line is logged where there is no terminal.
    """

    def __init__(self, seconds_between_lines: float) -> None:
        self.seconds_between_lines = seconds_between_lines
        self.console = Console()
        self._stage = _Stage("", "", 0)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._last_line = 0.0

    def on_validation_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Begin ``mask_references``."""
        count = sum(map(len, pl_module.dataset.references.without_mask()))
        self._begin(_Stage("mask_references", "references", count))

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Count the references of a picture."""
        self._advance(len(batch))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End ``mask_references``."""
        self._end()

    def on_predict_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Begin ``fill_memory``."""
        self._begin(_Stage("fill_memory", "references", len(pl_module.dataset.references)))

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
        self._begin(_Stage("test", "images", len(pl_module.dataset.targets)))

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Count a target image."""
        self._advance(1)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End ``test``; what follows is evaluation."""
        self._end()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the terminal as it was."""
        self._close_bar()

    def _begin(self, stage: _Stage) -> None:
        self._stage = stage
        self._last_line = time.monotonic()
        if not self.console.is_terminal:
            logger.info("%s: %d %s", stage.name, stage.total, stage.unit)
            return
        self._bar = Progress(
            TextColumn("{task.description:<15}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}  {task.fields[rate]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
        )
        self._bar.start()
        self._task = self._bar.add_task(stage.name, total=stage.total, unit=stage.unit, rate="")

    def _advance(self, count: int) -> None:
        self._stage.done += count
        if self._bar is not None:
            self._bar.update(self._task, advance=count, rate=f"{self._stage.rate:.1f}/s")
        elif self._stage.left and time.monotonic() - self._last_line >= self.seconds_between_lines:
            self._last_line = time.monotonic()
            logger.info(str(self._stage))

    def _end(self) -> None:
        if self._bar is None:
            logger.info(str(self._stage))
        self._close_bar()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Stage:
    """A counter with a clock."""

    def __init__(self, name: str, unit: str, total: int) -> None:
        self.name = name
        self.unit = unit
        self.total = total
        self.done = 0
        self.started = time.monotonic()

    @property
    def rate(self) -> float:
        """Items a second so far."""
        return self.done / max(time.monotonic() - self.started, 1e-9)

    @property
    def left(self) -> int:
        """Items to come."""
        return self.total - self.done

    def __str__(self) -> str:
        line = f"{self.name}: {self.done}/{self.total} {self.unit}, {self.rate:.2f}/s"
        return f"{line}, {self.left / self.rate:.0f} s left" if self.left and self.done else line
