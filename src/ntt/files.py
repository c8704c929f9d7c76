"""Writing files so that a run cut short leaves none half written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

UNFINISHED = "unfinished"  # in the name of a file that is being written


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary path with the same suffix; rename it to ``path`` once the block is done.

    Several processes, of several machines, may do so at once: the last one wins.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid4().hex[:8]}.{UNFINISHED}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any, indent: int | None = 2) -> None:
    """Write strict JSON: a NaN is an error here rather than in whoever reads the file."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=indent, allow_nan=False) + "\n", encoding="utf-8")
