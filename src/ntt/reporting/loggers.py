"""Logging of a finished run to the configured loggers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from ntt.engine.run_folder import PREDICTIONS

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

    from ntt.data import FewShotDataset


def log_run(
    loggers: Iterable[Logger],
    metrics: Mapping[str, Any],
    cfg: DictConfig,
    dataset: FewShotDataset,
) -> None:
    """Log the config and all numbers, named by path (``segm/AP``); chart loggers also get the charts.

    Args:
        loggers: Loggers built from the ``logger`` config group.
        metrics: Content of ``metrics.json``.
        cfg: Config of the run; its output directory contains the predictions.
        dataset: Dataset of the run.
    """
    from ntt.reporting.charts import ChartLogger, run_charts

    numbers = dict(flatten(metrics))
    for destination in loggers:
        destination.log_hyperparams(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
        destination.log_metrics(numbers)
        destination.finalize("success")
    drawing = [destination for destination in loggers if isinstance(destination, ChartLogger)]
    if drawing:
        charts = run_charts(Path(cfg.paths.output) / PREDICTIONS, dataset.ground_truth, metrics)
        for destination in drawing:
            destination.conclude(charts, dataset)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, float]]:
    """Yield the numbers in nested dictionaries with their paths; skip text and undefined values."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}/")
        elif isinstance(value, int | float):
            yield f"{prefix}{key}", float(value)
