"""Tables of measured results in the documentation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- measured {name}: begin -->", "<!-- measured {name}: end -->"


def run_main_job(train: Path, overrides: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run ``train.py`` and return the content of ``metrics.json``.

    Args:
        train: Path of ``train.py``.
        overrides: Command-line overrides.
        folder: Run directory.
    """
    command = [sys.executable, str(train), *overrides, f"hydra.run.dir={folder}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return metrics


def write_table(document: Path, name: str, lines: Sequence[str]) -> None:
    """Replace the text between the two markers of table ``name`` in a document."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    before, rest = document.read_text().split(begin)
    after = rest.split(end)[1]
    document.write_text("\n".join([f"{before}{begin}", *lines, f"{end}{after}"]))


def percent(value: float | None) -> str:
    """Format a fraction as a percentage with one decimal; None becomes a dash."""
    return "-" if value is None else f"{100 * value:.1f}"
