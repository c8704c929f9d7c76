"""Peak memory of a run."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

CLEAR_REFS = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"  # proc(5): resets the peak resident set size to the current one
UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2) reports kilobytes, on macOS bytes


def forget_peak_memory() -> None:
    """Reset the peak, so that a sweep job does not report the memory of earlier jobs.

    On systems other than Linux, the peak stays that of the whole process.
    """
    with suppress(OSError):
        CLEAR_REFS.write_text(FORGET_PEAK)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> dict[str, int]:
    """Return the peak memory in bytes: ``rss`` for RAM and, on a GPU, ``cuda`` for allocated tensors."""
    peak = {"rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT}
    if torch.cuda.is_available():
        peak["cuda"] = torch.cuda.max_memory_allocated()
    return peak
