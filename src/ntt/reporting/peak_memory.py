"""How much memory a run takes at most."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

CLEAR_REFS = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"  # proc(5): resets the peak resident set size to what is resident now
UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2) counts kilobytes, macOS bytes


def forget_peak_memory() -> None:
    """Count from now on, so that a job of a sweep does not report what an earlier one took.

    Where the system does not let a process do so (it takes Linux), the peak stays that of the whole process.
    """
    with suppress(OSError):
        CLEAR_REFS.write_text(FORGET_PEAK)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> dict[str, int]:
    """``rss``, the most bytes of RAM this process held, and on a GPU ``cuda``, the most that tensors took."""
    peak = {"rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT}
    if torch.cuda.is_available():
        peak["cuda"] = torch.cuda.max_memory_allocated()
    return peak
