"""Comparison of the jobs of a sweep: tables on the terminal, also of means over seeds, and a report."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ntt.io import write_json
from ntt.reporting.loggers import flatten
from ntt.reporting.terminal import number
from ntt.runs.finished import Run, read_runs, run_names
from ntt.runs.sweep import job_folders

COLUMNS = ("segm\nAP", "segm\nAP50", "bbox\nAP", "oracle\nlabels", "oracle\nmasks", "images\n/s", "mIoU")
logger = logging.getLogger(__name__)
SHOWN = ("segm/AP", "segm/AP50", "bbox/AP", "bbox/nAP50", "semantic/mIoU")
NOT_COMPARED = ("timing", "peak_memory", "encoder", "segmenter", "memory_bank")


class SweepComparison(Callback):
    """Print a table with one row per job, read from the files of the jobs.

    For jobs that differ only in their seed, also print means and intervals and write them to ``seeds.json``.
    ``report.html`` and ``report.md`` contain the full comparison; a warning is logged if they cannot be made.
    """

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Compare the jobs of the finished sweep."""
        compare_sweep(Path(config.hydra.sweep.dir))


def compare_sweep(folder: Path) -> None:
    """Compare the jobs in a sweep directory; do nothing if there are none."""
    jobs = job_folders(folder)
    if not jobs:
        return
    console = Console()
    runs = [run for job in jobs for run in read_runs(job)]
    console.print(comparison_table(runs))
    groups = seed_groups((run.overrides, run.metrics) for run in runs if run.metrics)
    if groups:
        console.print("", seed_table(groups), sep="\n")
        write_json(folder / "seeds.json", [asdict(group) for group in groups])
    for title, path in {"Sweep": folder, **_report(runs, folder)}.items():
        console.print(f"{title}: {path}", soft_wrap=True, highlight=False, markup=False)


def comparison_table(runs: Sequence[Run]) -> Table:
    """Return a table with one row per run."""
    table = Table(title="Comparison", title_justify="left", title_style="bold", box=None)
    table.add_column("job", overflow="fold")
    semantic = any("semantic" in run.metrics for run in runs)
    columns = COLUMNS if semantic else COLUMNS[:-1]
    for name in columns:
        table.add_column(name, justify="right")
    for name, run in zip(run_names(runs), runs, strict=True):
        table.add_row(escape(name), *_row(run.metrics)[: len(columns)])
    return table


def _report(runs: Sequence[Run], folder: Path) -> dict[str, Path]:
    """Write the report and return its path; log a warning instead of failing the sweep."""
    try:
        from ntt.reporting.report import write_report  # slow import, needed only for sweeps

        return {"Report": write_report(runs, folder)}
    except Exception as error:
        reason = next(iter(str(error).splitlines()), repr(error))
        logger.warning("Cannot write the report of the sweep: %s", reason)
        return {}


def _row(metrics: dict[str, Any]) -> list[str]:
    if not metrics:
        return ["failed"]
    oracle = metrics.get("oracle", {})
    segm, bbox = metrics.get("segm", {}), metrics.get("bbox", {})
    labels, masks = (oracle.get(key, {}).get("segm", {}) for key in ("true_labels", "true_masks"))
    return [
        number(segm.get("AP")),
        number(segm.get("AP50")),
        number(bbox.get("AP")),
        number(labels.get("AP")),
        number(masks.get("AP")),
        number(metrics["timing"]["images_per_second"], 2),
        number(metrics.get("semantic", {}).get("mIoU")),
    ]


@dataclass(frozen=True)
class SeedInterval:
    """Mean over seeds with its 95 % confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class SeedGroup:
    """At least two jobs that differ only in their seed.

    Attributes:
        overrides: Overrides that the jobs share.
        seeds: Seed overrides of each job.
        metrics: Intervals by metric path ("segm/AP"), for metrics that all jobs have.
    """

    overrides: tuple[str, ...]
    seeds: tuple[str, ...]
    metrics: dict[str, SeedInterval]


def seed_groups(jobs: Iterable[tuple[Sequence[str], Mapping[str, Any]]]) -> list[SeedGroup]:
    """Group the jobs of a sweep that differ only in their seed.

    Args:
        jobs: Overrides and content of ``metrics.json`` of each finished job.
    """
    groups: dict[tuple[str, ...], list[tuple[str, dict[str, float]]]] = {}
    for overrides, metrics in jobs:
        seeds = " ".join(override for override in overrides if _sets_a_seed(override))
        shared = tuple(override for override in overrides if not _sets_a_seed(override))
        evaluated = {key: value for key, value in metrics.items() if key not in NOT_COMPARED}
        groups.setdefault(shared, []).append((seeds, dict(flatten(evaluated))))
    return [
        SeedGroup(shared, tuple(seeds for seeds, _ in runs), _intervals([values for _, values in runs]))
        for shared, runs in groups.items()
        if len(runs) > 1
    ]


def mean_interval(values: Sequence[float]) -> SeedInterval:
    """Compute Student's t interval of the mean of n >= 2 values, with n - 1 degrees of freedom."""
    # Slow imports, needed only at the end of a sweep.
    from scipy.stats import t

    from ntt.evaluation.bootstrap import CONFIDENCE

    mean = fmean(values)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return SeedInterval(mean, mean - half, mean + half)


def seed_table(groups: Sequence[SeedGroup]) -> Table:
    """Return a table with one row per group: the mean and half the width of the interval."""
    table = Table(
        title="Mean and 95 % interval over seeds", title_justify="left", title_style="bold", box=None
    )
    table.add_column("jobs", overflow="fold")
    table.add_column("n", justify="right")
    names = [name for name in SHOWN if any(name in group.metrics for group in groups)]
    for name in names:
        table.add_column(name.replace("/", "\n"), justify="right", no_wrap=True)
    shared = set.intersection(*(set(group.overrides) for group in groups))
    for group in groups:
        cells = [_cell(group.metrics.get(name)) for name in names]
        own = " ".join(override for override in group.overrides if override not in shared)
        table.add_row(escape(own) or "all", str(len(group.seeds)), *cells)
    return table


def _sets_a_seed(override: str) -> bool:
    """Whether an override sets a seed, such as ``seed=...`` or ``dataset.seed=...``."""
    return override.partition("=")[0].rpartition(".")[2].lstrip("+") == "seed"


def _intervals(runs: Sequence[Mapping[str, float]]) -> dict[str, SeedInterval]:
    return {
        name: mean_interval([run[name] for run in runs])
        for name in runs[0]
        if all(name in run for run in runs)
    }


def _cell(found: SeedInterval | None) -> str:
    return "-" if found is None else f"{found.mean:.3f} ± {found.high - found.mean:.3f}"
