"""Work in batches that fit a memory budget, and in smaller ones where it was too large."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

GIB = 2**30
CPU_BUDGET = 0.0625  # GiB: more leaves the caches, and the allocator then maps and clears every page anew
CUDA_SHARE = 0.25  # of the memory that is free


class MemoryBatches:
    """Runs a function over slices of N items.

    Args:
        item_bytes: what one item takes while it is worked on.
        budget: GiB that a batch may take; None for 1/16 on a CPU and a quarter of what is free on a GPU.
    """

    def __init__(self, item_bytes: int, budget: float | None) -> None:
        self.item_bytes = item_bytes
        self.budget = budget
        self._largest: int | None = None

    def size(self, device: torch.device) -> int:
        """How many items a batch has, at least 1."""
        budget = self.budget
        if budget is None and device.type == "cuda":
            budget = CUDA_SHARE * torch.cuda.mem_get_info(device)[0] / GIB
        fitting = max(1, int((budget or CPU_BUDGET) * GIB / self.item_bytes))
        return min(fitting, self._largest or fitting)

    def run(self, work: Callable[[slice], Result], count: int, device: torch.device) -> list[Result]:
        """Results of ``work`` over consecutive slices of ``count`` items.

        Where memory runs out the batch is halved, for this call and later ones, and tried again.

        Raises:
            RuntimeError: memory runs out for a single item.
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
            logger.warning("Out of memory with %d prompts at once; going on with smaller batches", size)
        self._largest = size // 2
        if device.type == "cuda":
            torch.cuda.empty_cache()
        return self._largest


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator refused; that of the CPU raises a plain RuntimeError."""
    refused = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return refused or "DefaultCPUAllocator" in str(error)
