"""Logging of a finished run to the configured loggers, and the TensorBoard logger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import TensorBoardLogger as LightningLogger

from ntt.data import FewShotDataset
from ntt.optional import require_package
from ntt.reporting.charts import BINS, ChartLogger, Charts, curve_figure
from ntt.runs.run_directory import PREDICTIONS

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


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


class TensorBoardLogger(LightningLogger, ChartLogger):
    """Lightning's TensorBoard logger with the config, precision-recall curves and a score histogram.

    Args:
        settings: Arguments of Lightning's logger.

    Raises:
        InputError: TensorBoard is not installed.
    """

    def __init__(self, **settings: Any) -> None:
        require_package("tensorboard", "tensorboard", "logger=tensorboard")
        super().__init__(**settings)

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Log the config as text in addition to Lightning's hyperparameters."""
        super().log_hyperparams(params, *args, **kwargs)
        lines = yaml.safe_dump(params, sort_keys=False).splitlines()
        self.experiment.add_text(
            "config", "\n".join(f"    {line}" for line in lines)
        )  # indented as a code block

    def conclude(self, charts: Charts, dataset: FewShotDataset) -> None:
        """See the base class."""
        for kind, curve in charts.curves.items():
            self.experiment.add_figure(f"precision_recall/{kind}", curve_figure(curve, kind))
        if charts.scores:
            self.experiment.add_histogram("scores", np.array(charts.scores), bins=np.linspace(0, 1, BINS + 1))
        self.experiment.close()
