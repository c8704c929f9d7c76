"""Batching within a memory budget, with smaller batches after an out-of-memory error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

import torch

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

GIB = 2**30
CPU_BUDGET = (
    0.0625  # GiB; larger batches exceed the CPU caches, and the allocator remaps and clears each page
)
CUDA_SHARE = 0.25  # share of the free memory


class ShrinkingBatches:
    """Run a function over slices of N items, in smaller batches after an out-of-memory error.

    Args:
        unit: name of the items in the log.
    """

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._largest: int | None = None

    def size(self, device: torch.device) -> int:
        """Return the maximum number of items per batch."""
        return self._largest or sys.maxsize

    def run(self, work: Callable[[slice], Result], count: int, device: torch.device) -> list[Result]:
        """Run ``work`` over consecutive slices of ``count`` items and return its results.

        If memory runs out, the batch size is halved for this and later calls, and the batch is retried.

        Raises:
            RuntimeError: out of memory with a single item.
        """
        results: list[Result] = []
        start, most = 0, self.size(device)
        while start < count:
            size = min(most, count - start)
            try:
                results.append(work(slice(start, start + size)))
            except (RuntimeError, MemoryError) as error:
                if size == 1 or not is_out_of_memory(error):
                    raise
                most = self._halve(size, device)
            else:
                start += size
        return results

    def _halve(self, size: int, device: torch.device) -> int:
        if self._largest is None:
            logger.warning(
                "Out of memory with %d %s per batch; continuing with smaller batches", size, self.unit
            )
        self._largest = size // 2
        if device.type == "cuda":
            torch.cuda.empty_cache()
        return self._largest


class MemoryBatches(ShrinkingBatches):
    """Batches of prompts that fit a memory budget.

    Args:
        item_bytes: memory in bytes needed to process one item.
        budget: GiB per batch; None uses 1/16 on a CPU and a quarter of the free memory on a GPU.
    """

    def __init__(self, item_bytes: int, budget: float | None) -> None:
        super().__init__("prompts")
        self.item_bytes = item_bytes
        self.budget = budget

    def size(self, device: torch.device) -> int:
        """Return the maximum number of items per batch, at least 1."""
        budget = self.budget
        if budget is None and device.type == "cuda":
            budget = CUDA_SHARE * torch.cuda.mem_get_info(device)[0] / GIB
        fitting = max(1, int((budget or CPU_BUDGET) * GIB / self.item_bytes))
        return min(fitting, super().size(device))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed; the CPU allocator raises a plain RuntimeError."""
    refused = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return refused or "DefaultCPUAllocator" in str(error)
