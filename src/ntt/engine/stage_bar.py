"""Progress of a stage: items done, rate and remaining time."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)


class StageBar:
    """Progress bar on a terminal; otherwise log lines at intervals and at the end.

    Args:
        name: Name of the stage.
        unit: Name of the counted items.
        total: Number of items.
        seconds_between_lines: Seconds between log lines if there is no terminal.
        console: Console for the bar; None creates one for stdout.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        total: int,
        seconds_between_lines: float = 10,
        console: Console | None = None,
    ) -> None:
        self.name = name
        self.unit = unit
        self.total = total
        self.seconds_between_lines = seconds_between_lines
        self.done = 0
        self._started = self._last_line = time.monotonic()
        console = console or Console()
        self._bar = _bar(console) if console.is_terminal else None

    def start(self) -> Self:
        """Show the bar."""
        if self._bar is None:
            logger.info("%s: %d %s", self.name, self.total, self.unit)
        else:
            self._bar.start()
            self._task = self._bar.add_task(self.name, total=self.total, unit=self.unit, rate="")
        return self

    def stop(self, complete: bool = True) -> None:
        """Restore the terminal; without a terminal, log the final line if the stage is complete."""
        if self._bar is not None:
            self._bar.stop()
        elif complete:
            logger.info(str(self))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(complete=error is None)

    def advance(self, count: int = 1) -> None:
        """Add ``count`` finished items."""
        self.done += count
        if self._bar is not None:
            self._bar.update(self._task, advance=count, rate=f"{self.rate:.1f}/s")
        elif self.left and time.monotonic() - self._last_line >= self.seconds_between_lines:
            self._last_line = time.monotonic()
            logger.info(str(self))

    @property
    def rate(self) -> float:
        """Items per second so far."""
        return self.done / max(time.monotonic() - self._started, 1e-9)

    @property
    def left(self) -> int:
        """Remaining items."""
        return self.total - self.done

    def __str__(self) -> str:
        line = f"{self.name}: {self.done}/{self.total} {self.unit}, {self.rate:.2f}/s"
        return f"{line}, {self.left / self.rate:.0f} s left" if self.left and self.done else line


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<15}"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}  {task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
    )
