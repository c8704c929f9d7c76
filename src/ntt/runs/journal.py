"""Append-only storage of results that survives a killed process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32


class Journal:
    """JSON lines with checksums. Each process writes its own file and reads the files of all processes.

    Incomplete or damaged lines are skipped, and their results are computed again.

    Args:
        folder: Folder of the files ``<name>.<writer>.jsonl``.
        name: Kind of the results.
        writer: Rank of the writing process.
    """

    def __init__(self, folder: Path, name: str, writer: int = 0) -> None:
        self.folder = folder
        self.name = name
        self.writer = writer
        self.file = folder / f"{name}.{writer}.jsonl"

    def append(self, entry: Any) -> None:
        """Write one entry as strict JSON and sync it to disk."""
        text = json.dumps(entry, allow_nan=False).encode()
        with self._opened() as file:
            file.write(b"%08x %s\n" % (crc32(text), text))
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[Any]:
        """Yield the entries of all writers; entries of one writer keep their order."""
        for file in sorted(self.folder.glob(f"{self.name}.*.jsonl")):
            with file.open("rb") as lines:
                for line in lines:
                    checksum, _, text = line.rstrip(b"\n").partition(b" ")
                    if checksum == b"%08x" % crc32(text):
                        yield json.loads(text)

    def memo(self) -> Memo:
        """Return the results so far, by index."""
        return Memo(self)

    def _opened(self) -> Any:
        """Open this writer's file for appending, and terminate an incomplete last line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.file.open("a+b")
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        return file


class Memo(dict[int, Any]):
    """Results by the index of their input; a new result is written to the journal immediately.

    Results are strict JSON. Only the first process of a run writes; the others compute the same results.
    """

    def __init__(self, journal: Journal) -> None:
        super().__init__((number, result) for number, result in journal.read())
        self._journal = journal

    def __setitem__(self, number: int, result: Any) -> None:
        super().__setitem__(number, result)
        if self._journal.writer == 0:
            self._journal.append([number, result])
