"""Numbers, curves and a histogram for TensorBoard."""

from __future__ import annotations

from typing import Any

import numpy as np
import yaml
from lightning.pytorch.loggers import TensorBoardLogger as LightningLogger

from ntt.data import FewShotDataset
from ntt.optional import require_package
from ntt.reporting.charts import BINS, ChartLogger, Charts, curve_figure


class TensorBoardLogger(LightningLogger, ChartLogger):
    """Lightning's logger, which also shows the config, precision over recall and the scores.

    Args:
        settings: what Lightning's takes.

    Raises:
        InputError: TensorBoard is not installed.
    """

    def __init__(self, **settings: Any) -> None:
        require_package("tensorboard", "tensorboard", "logger=tensorboard")
        super().__init__(**settings)

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Show the config as text, beside what Lightning does with it."""
        super().log_hyperparams(params, *args, **kwargs)
        lines = yaml.safe_dump(params, sort_keys=False).splitlines()
        self.experiment.add_text("config", "\n".join(f"    {line}" for line in lines))  # a block of code

    def conclude(self, charts: Charts, dataset: FewShotDataset) -> None:
        """See the base class."""
        for kind, curve in charts.curves.items():
            self.experiment.add_figure(f"precision_recall/{kind}", curve_figure(curve, kind))
        if charts.scores:
            self.experiment.add_histogram("scores", np.array(charts.scores), bins=np.linspace(0, 1, BINS + 1))
        self.experiment.close()
