"""Timing of the parts of a run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch


class Timer:
    """Accumulate wall time by name.

    GPU work is asynchronous, so it is timed with CUDA events. The GPU is synchronized only when the seconds
    are read.
    """

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._marks: list[tuple[str, torch.cuda.Event, torch.cuda.Event]] = []

    @property
    def seconds(self) -> dict[str, float]:
        """Total seconds of each name so far."""
        for name, start, end in self._marks:
            end.synchronize()
            self._seconds[name] += start.elapsed_time(end) / 1e3
        self._marks.clear()
        return dict(self._seconds)

    def take(self) -> dict[str, float]:
        """Return the total seconds of each name since the last call and reset them."""
        taken = self.seconds
        self._seconds.clear()
        return taken

    def add(self, seconds: Mapping[str, float]) -> None:
        """Add seconds that were measured elsewhere."""
        for name, count in seconds.items():
            self._seconds[name] += count

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Measure the time spent inside the block."""
        if torch.cuda.is_initialized():
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            try:
                yield
            finally:
                end.record()
                self._marks.append((name, start, end))
            return
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += time.perf_counter() - began
