"""Runs that have ended, read from the folders they left."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntt.data.json_files import read_json
from ntt.engine.run_folder import METRICS, failure_of
from ntt.engine.sweep import OVERRIDES, job_folders
from ntt.errors import InputError
from ntt.yaml_files import read_yaml


@dataclass(frozen=True)
class Run:
    """What a run left.

    Attributes:
        folder: the run's.
        overrides: words of its command line.
        metrics: ``metrics.json``; empty if it did not finish.
        failure: why it did not; None if it did.
    """

    folder: Path
    overrides: tuple[str, ...]
    metrics: dict[str, Any]
    failure: str | None = None

    @property
    def kind(self) -> str | None:
        """What its AP is of: ``segm``, or ``bbox`` where the truth is boxes; None without ground truth."""
        return next((kind for kind in ("segm", "bbox") if kind in self.metrics), None)

    @property
    def ap(self) -> float | None:
        """AP of that kind."""
        return None if self.kind is None else self.metrics[self.kind]["AP"]


def read_runs(folder: Path) -> list[Run]:
    """The run in a folder; of a sweep's folder its jobs, in the order they were started.

    Raises:
        InputError: there is neither, or a file of a run cannot be read.
    """
    if (folder / OVERRIDES).is_file():
        return [_read_run(folder)]
    jobs = job_folders(folder)
    if not jobs:
        raise InputError(f"{folder}: no {OVERRIDES} here; give the folder of a run, or of a sweep")
    return [_read_run(job) for job in jobs]


def run_names(runs: Sequence[Run]) -> list[str]:
    """What tells each run from the others: the words that not all share, else its folder."""
    shared = set.intersection(*(set(run.overrides) for run in runs)) if len(runs) > 1 else set()
    words = [" ".join(word for word in run.overrides if word not in shared) for run in runs]
    counts = Counter(words)
    common = os.path.commonpath([run.folder.parent for run in runs])
    return [
        own if own and counts[own] == 1 else f"{own} {run.folder.relative_to(common)}".strip()
        for own, run in zip(words, runs, strict=True)
    ]


def _read_run(folder: Path) -> Run:
    failure = failure_of(folder)
    metrics = read_json(folder / METRICS, "metrics of a run") if failure is None else {}
    return Run(folder, tuple(map(str, read_yaml(folder / OVERRIDES))), metrics, failure)
