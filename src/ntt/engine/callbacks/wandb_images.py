"""Images with what was found in them, for W&B."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning import Trainer

from ntt.engine.callbacks.base import OutcomeCallback
from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages
from ntt.evaluation import best_match_iou
from ntt.reporting.wandb_comparison import IMAGE_TABLE, LoggedImage
from ntt.reporting.wandb_logger import WandbLogger
from ntt.reporting.wandb_pictures import predicted_overlay, truth_overlay

if TYPE_CHECKING:
    from wandb import Run


class WandbImages(OutcomeCallback):
    """Log the first target images while they are segmented, and at the end all of them in one table.

    Does nothing without ``WandbLogger``.

    Args:
        images: at most so many are sent.
    """

    def __init__(self, images: int) -> None:
        self.images = images
        self.rows: list[LoggedImage] = []
        self._run: Run | None = None

    def on_test_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Find the run that images go to."""
        self._run = next((each.experiment for each in trainer.loggers if isinstance(each, WandbLogger)), None)

    def on_outcome(self, stages: Stages, outcome: Outcome) -> None:
        """Log one image, if it is among the first."""
        if self._run is None or outcome.index >= self.images:
            return
        dataset, target, found = stages.dataset, outcome.target, outcome.instances
        shown = {"images/prediction": predicted_overlay(target.image, found, dataset.class_names)}
        best = None
        if dataset.ground_truth is not None:
            masks, labels = dataset.true_masks(target.image_id)
            shown["images/ground_truth"] = truth_overlay(target.image, masks, labels, dataset.class_names)
            best = best_match_iou(found, masks, labels)
        self._run.log(shown)
        truth, prediction = shown.get("images/ground_truth"), shown["images/prediction"]
        self.rows.append(LoggedImage(str(target.image_id), target.path.name, truth, prediction, best))

    def on_test_end(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Log the table, by which runs can be compared image by image."""
        if self._run is not None and self.rows:
            import wandb

            self._run.log(
                {
                    IMAGE_TABLE: wandb.Table(
                        columns=list(LoggedImage._fields), data=[list(row) for row in self.rows]
                    )
                }
            )
