import threading

import pytest
from torch.utils.data import DataLoader, Dataset

from ntt.engine.data import Prefetcher


class Counted(Dataset):
    """Numbers that tell when they are read, and by which thread."""

    def __init__(self, length, broken=None):
        self.length = length
        self.broken = broken
        self.read = []
        self.began = threading.Event()

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if index >= self.length:
            raise IndexError(index)
        if index == self.broken:
            raise OSError("unreadable")
        self.read.append((index, threading.current_thread().name))
        if index == 1:
            self.began.set()
        return index


def loader(dataset):
    return DataLoader(dataset, batch_size=1, collate_fn=lambda items: items[0])


@pytest.mark.parametrize("length", [0, 1, 7])
def test_yields_everything_in_order_and_again(length):
    ahead = Prefetcher(loader(Counted(length)))
    assert len(ahead) == length
    assert list(ahead) == list(ahead) == list(range(length))


def test_the_next_item_is_read_while_this_one_is_used():
    dataset = Counted(5)
    items = iter(Prefetcher(loader(dataset)))
    assert next(items) == 0
    assert dataset.began.wait(timeout=10), "item 1 should be read before it is asked for"
    assert len(dataset.read) <= 2, "and no further"
    assert all(thread.startswith("prefetch") for _, thread in dataset.read)


def test_an_error_reaches_the_reader_at_its_item():
    items = iter(Prefetcher(loader(Counted(4, broken=2))))
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(OSError, match="unreadable"):
        next(items)
