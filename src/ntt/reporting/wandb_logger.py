"""Weights & Biases logger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from pytorch_lightning.loggers import WandbLogger as LightningLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment

from ntt.data import FewShotDataset
from ntt.errors import InputError
from ntt.io import whole_file
from ntt.options import Count
from ntt.reporting.charts import BINS, LABELS, ChartLogger, Charts
from ntt.reporting.wandb_images import log_images
from ntt.runs.finished import run_tags
from ntt.runs.processes import process_rank
from ntt.runs.run_directory import PROGRESS

if TYPE_CHECKING:
    from wandb import Run

BY_FAMILY = ("segm/AP", "bbox/AP")
FIX = "run `wandb login`, set WANDB_API_KEY, or use logger=wandb_offline"


class WandbLogger(LightningLogger, ChartLogger):
    """Lightning's W&B logger with run names, groups and tags from the job, the sweep and the config.

    It never prompts for a login. A resumed run continues its W&B run.

    Args:
        project: W&B project.
        entity: User or team; None uses the default entity.
        mode: ``offline`` stores the run in ``save_dir``; None uses ``WANDB_MODE``, by default online.
        save_dir: Run directory.
        encoder_class: Dotted path of the encoder class.
        encoder_name: Encoder name in the config.
        encoder_weights: Encoder weights in the config.
        images: Maximum number of target images to log.
        tags: Additional tags.

    Raises:
        InputError: The API key is missing, or W&B rejects the key.
    """

    def __init__(
        self,
        project: str,
        entity: str | None,
        mode: str | None,
        save_dir: str | Path,
        encoder_class: str,
        encoder_name: str,
        encoder_weights: str | None,
        images: Count,
        tags: Sequence[str] = (),
    ) -> None:
        import wandb

        require_login(mode)
        run = run_tags(Path(save_dir), encoder_class, encoder_name, encoder_weights == "random")
        self.family = run.family
        self.images = images
        super().__init__(
            name=run.name,
            save_dir=save_dir,
            id=_run_id(Path(save_dir)),
            project=project,
            entity=entity,
            group=run.group,
            tags=[*run.tags, *tags],
            config={"family": run.family, "size": run.size, "choices": run.choices},
            mode=mode,
            # Start a new W&B run for each sweep job, even if the previous job did not finish its own.
            settings=wandb.Settings(reinit="create_new", console="off", quiet=True),
        )
        del self._wandb_init["anonymous"]  # Lightning sets it, and W&B warns that it has no effect

    @property
    @rank_zero_experiment
    def experiment(self) -> Run:
        """W&B run, created on first access.

        Raises:
            InputError: W&B cannot be reached.
        """
        import wandb

        try:
            return super().experiment
        except wandb.Error as error:
            raise InputError(_refusal(error)) from error

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log AP also under the name of the family, because bar plots have one colour per metric."""
        by_family = {f"{self.family}/{name}": metrics[name] for name in BY_FAMILY if name in metrics}
        super().log_metrics({**metrics, **by_family}, step)

    def conclude(self, charts: Charts, dataset: FewShotDataset) -> None:
        """Log the images and the charts and finish the run."""
        import wandb

        if charts.results is not None:
            log_images(self.experiment, dataset, charts.results, self.images)
        shown: dict[str, Any] = {}
        for kind, curve in charts.curves.items():
            lines = [curve[name] for name in LABELS]
            shown[f"precision_recall/{kind}"] = wandb.plot.line_series(
                curve["recall"], lines, list(LABELS.values()), f"Precision and recall, {kind}", "recall"
            )
        if charts.scores:
            histogram = np.histogram(charts.scores, bins=BINS, range=(0, 1))
            shown["scores"] = wandb.Histogram(np_histogram=histogram)
        if charts.per_class:
            kinds = list(next(iter(charts.per_class.values())))
            rows = [[name, *(values[kind] for kind in kinds)] for name, values in charts.per_class.items()]
            shown["classes"] = wandb.Table(columns=["class", *(f"{kind} AP" for kind in kinds)], data=rows)
        self.experiment.log(shown)
        self.experiment.finish()


def require_login(mode: str | None) -> None:
    """Raise InputError if the mode is online and there is no valid API key.

    Args:
        mode: ``online``, ``offline`` or ``disabled``; None uses ``WANDB_MODE``.
    """
    import wandb

    if (mode or wandb.setup().settings.mode) != "online":
        return
    try:
        known = wandb.login(prompt=False)
    except wandb.Error as error:
        raise InputError(_refusal(error)) from error
    if not known:
        raise InputError(f"W&B API key is missing; {FIX}")


def _run_id(folder: Path) -> str | None:
    """Return the W&B run id, which resumed runs keep; None in processes that do not log."""
    if process_rank():
        return None
    file = folder / PROGRESS / "wandb_run_id"
    if not file.is_file():
        with whole_file(file) as temporary:
            temporary.write_text(uuid4().hex[:8])
    return file.read_text()


def _refusal(error: Exception) -> str:
    return f"W&B: {str(error).splitlines()[0].rstrip('.')}; {FIX}"
