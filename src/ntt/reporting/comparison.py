"""Comparison of the jobs of a sweep: a table on the terminal and a report."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ntt.engine.sweep import job_folders
from ntt.files import write_json
from ntt.reporting.runs import Run, read_runs, run_names
from ntt.reporting.seeds import seed_groups, seed_table
from ntt.reporting.terminal import number

COLUMNS = ("segm\nAP", "segm\nAP50", "bbox\nAP", "oracle\nlabels", "oracle\nmasks", "images\n/s", "mIoU")

logger = logging.getLogger(__name__)


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
    ceilings = metrics.get("ceilings", {})
    segm, bbox = metrics.get("segm", {}), metrics.get("bbox", {})
    labels, masks = (ceilings.get(key, {}).get("segm", {}) for key in ("true_labels", "true_masks"))
    return [
        number(segm.get("AP")),
        number(segm.get("AP50")),
        number(bbox.get("AP")),
        number(labels.get("AP")),
        number(masks.get("AP")),
        number(metrics["timing"]["images_per_second"], 2),
        number(metrics.get("semantic", {}).get("mIoU")),
    ]
