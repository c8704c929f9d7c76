"""Prefetching of target images."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from torch.utils.data import DataLoader

Item = TypeVar("Item")
END = object()


class ReadAhead(Generic[Item]):
    """Iterate over a data loader while a thread prefetches the next item.

    A thread is sufficient, because image decoding releases the GIL; worker processes would need shared
    memory, which is often limited in containers.

    Args:
        loader: Data loader without workers.
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
