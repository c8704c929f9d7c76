"""The table that ends a sweep."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from ntt.reporting.files import write_json
from ntt.reporting.seeds import seed_groups, seed_table
from ntt.reporting.terminal import number

COLUMNS = ("segm\nAP", "segm\nAP50", "bbox\nAP", "true\nlabels", "true\nmasks", "images\n/s", "mIoU")


class SweepComparison(Callback):
    """Prints one row per job, read from the files that the jobs left, whichever process ran them.

    Where jobs differ only in their seed, means and intervals follow, and are written to ``seeds.json``.
    """

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Compare the jobs of the sweep that has just ended."""
        folder = Path(config.hydra.sweep.dir)
        console = Console()
        console.print(comparison_table(folder))
        jobs = [(_overrides(job), _metrics(job)) for job in _sorted_jobs(folder)]
        groups = seed_groups((overrides, metrics) for overrides, metrics in jobs if metrics)
        if groups:
            console.print("", seed_table(groups), sep="\n")
            write_json(folder / "seeds.json", [asdict(group) for group in groups])
        console.print(f"Sweep: {folder}", soft_wrap=True, highlight=False)


def comparison_table(folder: Path) -> Table:
    """One row per job of the sweep in ``folder``, in the order they were started."""
    table = Table(title="Comparison", title_justify="left", title_style="bold", box=None)
    table.add_column("job", overflow="fold")
    jobs = {job: _overrides(job) for job in _sorted_jobs(folder)}
    results = {job: _metrics(job) for job in jobs}
    semantic = any("semantic" in metrics for metrics in results.values())
    columns = COLUMNS if semantic else COLUMNS[:-1]
    for name in columns:
        table.add_column(name, justify="right")
    shared = set.intersection(*map(set, jobs.values())) if len(jobs) > 1 else set()
    for job, overrides in jobs.items():
        # What all jobs share says nothing about their difference.
        words = " ".join(word for word in overrides if word not in shared)
        table.add_row(words or job.name, *_row(results[job])[: len(columns)])
    return table


def _sorted_jobs(folder: Path) -> list[Path]:
    """Folders of the jobs, in the order they were started."""
    return sorted((path.parent for path in folder.glob("*/overrides.yaml")), key=_job_number)


def _job_number(job: Path) -> tuple[int, str]:
    number_, _, rest = job.name.partition("_")
    return (int(number_), rest) if number_.isdigit() else (0, job.name)


def _overrides(job: Path) -> list[str]:
    return [str(word) for word in OmegaConf.load(job / "overrides.yaml")]


def _metrics(job: Path) -> dict[str, Any]:
    """What a job left in ``metrics.json``; nothing if it failed."""
    path = job / "metrics.json"
    return json.loads(path.read_text()) if path.is_file() else {}


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
