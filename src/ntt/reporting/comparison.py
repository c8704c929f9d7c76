"""The table that ends a sweep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from ntt.reporting.terminal import number


class SweepComparison(Callback):
    """Prints one row per job, read from the files that the jobs left, whichever process ran them."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Compare the jobs of the sweep that has just ended."""
        folder = Path(config.hydra.sweep.dir)
        console = Console()
        console.print(comparison_table(folder))
        console.print(f"Sweep: {folder}", soft_wrap=True, highlight=False)


def comparison_table(folder: Path) -> Table:
    """One row per job of the sweep in ``folder``, in the order they were started."""
    table = Table(title="Comparison", title_justify="left", title_style="bold", box=None)
    table.add_column("job")
    for name in ("segm AP", "AP50", "bbox AP", "true labels", "true masks", "images/s"):
        table.add_column(name, justify="right")
    for job in sorted(_jobs(folder), key=_job_number):
        table.add_row(_overrides(job), *_row(job))
    return table


def _jobs(folder: Path) -> list[Path]:
    return [path.parent for path in folder.glob("*/overrides.yaml")]


def _job_number(job: Path) -> tuple[int, str]:
    number_, _, rest = job.name.partition("_")
    return (int(number_), rest) if number_.isdigit() else (0, job.name)


def _overrides(job: Path) -> str:
    return " ".join(OmegaConf.load(job / "overrides.yaml") or ["(default)"])


def _row(job: Path) -> list[str]:
    path = job / "metrics.json"
    if not path.is_file():
        return ["failed"]
    metrics = json.loads(path.read_text())
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
    ]
