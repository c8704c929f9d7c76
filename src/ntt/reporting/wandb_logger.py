"""A run on Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from lightning.pytorch.loggers import WandbLogger as LightningLogger
from lightning.pytorch.loggers.logger import rank_zero_experiment

from ntt.data import FewShotDataset
from ntt.engine.processes import process_rank
from ntt.engine.run_folder import PROGRESS
from ntt.errors import InputError
from ntt.files import whole_file
from ntt.optional import require_package
from ntt.reporting.charts import BINS, LABELS, ChartLogger, Charts
from ntt.reporting.run_tags import run_tags
from ntt.reporting.wandb_images import log_images

if TYPE_CHECKING:
    from wandb import Run

BY_FAMILY = ("segm/AP", "bbox/AP")
FIX = "run `wandb login`, set WANDB_API_KEY, or use logger=wandb_offline"


class WandbLogger(LightningLogger, ChartLogger):
    """Lightning's logger; a run is named by the job, grouped by the sweep and tagged by what was chosen.

    It never asks for a login. What goes on with an interrupted run goes on with its run on W&B.

    Args:
        project: that the run appears in.
        entity: user or team; None: the user's own.
        mode: ``offline`` keeps the run in ``save_dir``; None: as ``WANDB_MODE`` says, else online.
        save_dir: the run's folder.
        encoder_class: dotted path of the encoder's class.
        encoder_name: as in the config.
        encoder_weights: as in the config.
        images: at most so many target images are sent, the first.
        tags: beside those that tell what was chosen.

    Raises:
        InputError: the package or the key is absent, or W&B does not take the key.
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
        images: int,
        tags: Sequence[str] = (),
    ) -> None:
        require_package("wandb", "wandb", "logger=wandb")
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
            # Each job of a sweep is a run of its own, even where the one before it failed half-way.
            settings=wandb.Settings(reinit="create_new", console="off", quiet=True),
        )
        del self._wandb_init["anonymous"]  # Lightning passes it on, and W&B warns that it means nothing

    @property
    @rank_zero_experiment
    def experiment(self) -> Run:
        """The run, begun when it is first asked for.

        Raises:
            InputError: W&B cannot be reached.
        """
        import wandb

        try:
            return super().experiment
        except wandb.Error as error:
            raise InputError(_refusal(error)) from error

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log AP under the family's name as well: a bar plot has one colour a metric."""
        by_family = {f"{self.family}/{name}": metrics[name] for name in BY_FAMILY if name in metrics}
        super().log_metrics({**metrics, **by_family}, step)

    def conclude(self, charts: Charts, dataset: FewShotDataset) -> None:
        """Log the images and the charts, and end the run."""
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
    """Raise InputError unless W&B knows who logs, or need not know.

    Args:
        mode: ``online``, ``offline``, ``disabled``; None: as ``WANDB_MODE`` says.
    """
    import wandb

    if (mode or wandb.setup().settings.mode) != "online":
        return
    try:
        known = wandb.login(prompt=False)
    except wandb.Error as error:
        raise InputError(_refusal(error)) from error
    if not known:
        raise InputError(f"W&B has no API key: {FIX}")


def _run_id(folder: Path) -> str | None:
    """The run's id on W&B, the same however often it is cut short; None in processes that do not log."""
    if process_rank():
        return None
    file = folder / PROGRESS / "wandb_run_id"
    if not file.is_file():
        with whole_file(file) as temporary:
            temporary.write_text(uuid4().hex[:8])
    return file.read_text()


def _refusal(error: Exception) -> str:
    return f"W&B: {str(error).splitlines()[0].rstrip('.')}; {FIX}"
