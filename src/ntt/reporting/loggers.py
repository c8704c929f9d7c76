"""Sending a run's results elsewhere."""

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
    """Give every logger the config and all numbers, named by their path (``segm/AP``), and what it can draw.

    Args:
        loggers: what the logger group built.
        metrics: what ``metrics.json`` says.
        cfg: of the run; its folder has the predictions.
        dataset: whose targets it had.
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
    """The numbers in nested dictionaries with their paths; text and undefined values are left out."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}/")
        elif isinstance(value, int | float):
            yield f"{prefix}{key}", float(value)
