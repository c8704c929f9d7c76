"""Results that are on disk as soon as they are known, whatever happens to the process afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32


class Journal:
    """Lines of JSON, each with its checksum; several processes write a file each and read all.

    A line that a killed process left half written, or that the disk damaged, is passed over: what it said is
    computed again.

    Args:
        folder: of the files ``<name>.<writer>.jsonl``.
        name: what the lines are about.
        writer: number of the process that appends.
    """

    def __init__(self, folder: Path, name: str, writer: int = 0) -> None:
        self.folder = folder
        self.name = name
        self.writer = writer
        self.file = folder / f"{name}.{writer}.jsonl"

    def append(self, entry: Any) -> None:
        """Write one entry, strict JSON, and wait until the disk has it."""
        text = json.dumps(entry, allow_nan=False).encode()
        with self._opened() as file:
            file.write(b"%08x %s\n" % (crc32(text), text))
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[Any]:
        """Entries of all writers, each in the order of writing."""
        for file in sorted(self.folder.glob(f"{self.name}.*.jsonl")):
            with file.open("rb") as lines:
                for line in lines:
                    checksum, _, text = line.rstrip(b"\n").partition(b" ")
                    if checksum == b"%08x" % crc32(text):
                        yield json.loads(text)

    def memo(self) -> Memo:
        """What was computed so far, by number."""
        return Memo(self)

    def _opened(self) -> Any:
        """The writer's file, its end at the beginning of a line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.file.open("a+b")
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        return file


class Memo(dict[int, Any]):
    """Results by the number of what they were computed of; a new one is in the journal at once.

    Results are strict JSON. The first process of a run writes; others, which compute the same, only read.
    """

    def __init__(self, journal: Journal) -> None:
        super().__init__((number, result) for number, result in journal.read())
        self._journal = journal

    def __setitem__(self, number: int, result: Any) -> None:
        super().__setitem__(number, result)
        if self._journal.writer == 0:
            self._journal.append([number, result])
