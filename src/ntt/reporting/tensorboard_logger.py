"""TensorBoard logger."""

from __future__ import annotations

from typing import Any

import numpy as np
import yaml
from lightning.pytorch.loggers import TensorBoardLogger as LightningLogger

from ntt.data import FewShotDataset
from ntt.optional import require_package
from ntt.reporting.charts import BINS, ChartLogger, Charts, curve_figure


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
