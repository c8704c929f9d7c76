"""Which class each pixel has, and how often that is right."""

from __future__ import annotations

from pathlib import Path

from lightning import Trainer
from torchmetrics.classification import MulticlassConfusionMatrix

from ntt.engine.callbacks.base import OutcomeCallback
from ntt.engine.callbacks.file_names import FileNames
from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages
from ntt.errors import InputError
from ntt.evaluation import IGNORED, kinds, semantic_metrics, true_semantic_map
from ntt.matching import semantic_map
from ntt.reporting.label_maps import LARGEST, write_label_map, write_legend
from ntt.reporting.pictures import draw_semantic


class SemanticMaps(OutcomeCallback):
    """Merge the instances of each image into a map of classes; report mIoU where there is ground truth.

    Args:
        output_dir: the run's folder; gets ``semantic/`` and ``visualizations/semantic/``.
        score_threshold: instances scored below it are background.
        images: how many target images are drawn.

    Raises:
        InputError: a threshold that is not in [0, 1].
    """

    def __init__(self, output_dir: str | Path, score_threshold: float, images: int) -> None:
        if not 0 <= score_threshold <= 1:
            raise InputError(f"task.score_threshold={score_threshold}: make it 0 to 1")
        self.maps = Path(output_dir) / "semantic"
        self.pictures = Path(output_dir) / "visualizations" / "semantic"
        self.score_threshold = score_threshold
        self.images = images
        self._names = FileNames()

    def setup(self, trainer: Trainer, pl_module: Stages, stage: str) -> None:  # type: ignore[override]
        """Refuse more classes than a map can hold, and boxes for truth, before anything is computed.

        Raises:
            InputError: too many classes, or true objects without masks.
        """
        count, ground_truth = len(pl_module.dataset.class_names), pl_module.dataset.ground_truth
        if ground_truth is not None and "segm" not in kinds(ground_truth):
            raise InputError("dataset.boxes_only=true: task=semantic is judged by masks; use task=instance")
        if count > LARGEST:
            raise InputError(f"{count} classes: task=semantic has room for {LARGEST}; use task=instance")

    def on_test_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Say what the values of the maps mean."""
        class_names = pl_module.dataset.class_names
        self._confusion = MulticlassConfusionMatrix(len(class_names) + 1, ignore_index=IGNORED)
        write_legend(self.maps / "classes.json", class_names)

    def on_outcome(self, stages: Stages, outcome: Outcome) -> None:
        """Write the map of one image, count its pixels, and draw it if it is among the first."""
        dataset, target, found = stages.dataset, outcome.target, outcome.instances
        predicted = semantic_map(found.masks, found.scores, found.labels, self.score_threshold)
        file = self._names.next(target)
        write_label_map(self.maps / file, predicted, len(dataset.class_names))
        truth = None
        if dataset.ground_truth is not None:
            truth = true_semantic_map(
                *dataset.true_masks(target.image_id), dataset.crowd_mask(target.image_id)
            )
            self._confusion.update(predicted, truth)
        if outcome.index < self.images:
            draw_semantic(self.pictures / file, target.image.cpu(), truth, predicted, dataset.class_names)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Judge all maps at once."""
        if pl_module.dataset.ground_truth is not None:
            confusion = self._confusion.compute()
            pl_module.report["semantic"] = semantic_metrics(confusion, pl_module.dataset.class_names)
