"""Reading the next picture while this one is segmented."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from torch.utils.data import DataLoader

Item = TypeVar("Item")
END = object()


class ReadAhead(Generic[Item]):
    """What a loader yields, one item ahead: a thread reads it while the last one is worked on.

    A thread and not a process, since pictures are decoded outside of Python's lock, and processes need shared
    memory that containers are short of.

    Args:
        loader: without workers of its own.
    """

    def __init__(self, loader: DataLoader[Item]) -> None:
        self.loader = loader

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.loader)

    def __iter__(self) -> Iterator[Item]:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as thread:
            items = iter(self.loader)
            ahead = thread.submit(next, items, END)
            while True:
                item: Any = ahead.result()
                if item is END:
                    return
                ahead = thread.submit(next, items, END)
                yield item
