"""Finished and failed runs, read from their run directories, and the tags by which loggers group them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from ntt.errors import InputError
from ntt.io import read_json, read_yaml
from ntt.runs.run_directory import METRICS, failure_of
from ntt.runs.sweep import OVERRIDES, in_sweep, job_folders

UNTRAINED = "untrained"


@dataclass(frozen=True)
class Run:
    """A run, read from its run directory.

    Attributes:
        folder: Run directory.
        overrides: Command-line overrides.
        metrics: Content of ``metrics.json``; empty if the run did not finish.
        failure: Why the run did not finish; None if it did.
    """

    folder: Path
    overrides: tuple[str, ...]
    metrics: dict[str, Any]
    failure: str | None = None

    @property
    def kind(self) -> str | None:
        """Kind of the main AP: ``segm``, or ``bbox`` for ground-truth boxes; None without ground truth."""
        return next((kind for kind in ("segm", "bbox") if kind in self.metrics), None)

    @property
    def ap(self) -> float | None:
        """Main AP, of ``kind``."""
        return None if self.kind is None else self.metrics[self.kind]["AP"]


def read_runs(folder: Path) -> list[Run]:
    """Read the run in a directory, or the jobs of a sweep in starting order.

    Raises:
        InputError: The directory contains neither, or a file of a run cannot be read.
    """
    if (folder / OVERRIDES).is_file():
        return [_read_run(folder)]
    jobs = job_folders(folder)
    if not jobs:
        raise InputError(f"{folder} contains no {OVERRIDES}; give the directory of a run or a sweep")
    return [_read_run(job) for job in jobs]


def run_names(runs: Sequence[Run]) -> list[str]:
    """Name each run by the overrides that not all runs share; add its directory if they are not unique."""
    shared = set.intersection(*(set(run.overrides) for run in runs)) if len(runs) > 1 else set()
    differing = [" ".join(override for override in run.overrides if override not in shared) for run in runs]
    counts = Counter(differing)
    common = os.path.commonpath([run.folder.parent for run in runs])
    return [
        own if own and counts[own] == 1 else f"{own} {run.folder.relative_to(common)}".strip()
        for own, run in zip(differing, runs, strict=True)
    ]


def _read_run(folder: Path) -> Run:
    failure = failure_of(folder)
    metrics = read_json(folder / METRICS, "metrics of a run") if failure is None else {}
    return Run(folder, tuple(map(str, read_yaml(folder / OVERRIDES))), metrics, failure)


@dataclass(frozen=True)
class RunTags:
    """Name, group and tags of a run.

    Attributes:
        name: Name of the run directory.
        group: Name of the sweep directory; None if the run is not a sweep job.
        family: Encoder family: ``dinov2``, ``dinov3``, ``timm``, ``ensemble``, or ``untrained`` for random
            weights.
        size: Encoder size in its family (``nano``, ``7b``); the encoder name in families without sizes.
        choices: Options of the config groups ``model`` and ``dataset``.
    """

    name: str
    group: str | None
    family: str
    size: str
    choices: dict[str, str]

    @property
    def tags(self) -> list[str]:
        """Family, size and choices without duplicates."""
        return list(dict.fromkeys([self.family, self.size, *self.choices.values()]))


def run_tags(folder: Path, encoder_class: str, encoder_name: str, random_weights: bool) -> RunTags:
    """Derive the tags of a run from its directory, its encoder and, under Hydra, its overrides.

    Args:
        folder: Run directory.
        encoder_class: Dotted path of the encoder class; the class name gives the family.
        encoder_name: Encoder name in the config.
        random_weights: Whether the encoder has random weights.
    """
    hydra = HydraConfig.get() if HydraConfig.initialized() else None
    chosen = hydra.runtime.choices if hydra else {}
    family = encoder_class.rpartition(".")[2].lower().removesuffix("encoder")
    return RunTags(
        name=folder.name,
        group=Path(hydra.sweep.dir).name if hydra and in_sweep() else None,
        family=UNTRAINED if random_weights else family,
        size=encoder_name.removeprefix(f"{family}_").removesuffix("_reg"),
        choices={group: str(chosen[group]) for group in ("model", "dataset") if group in chosen},
    )
