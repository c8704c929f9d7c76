"""COCO results of a run and their AP."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer

from ntt.engine.callbacks.base import ImageCallback
from ntt.engine.data import ImageResult
from ntt.engine.stages import Stages
from ntt.evaluation import Evaluation, coco_results, open_set_metrics
from ntt.io import write_json
from ntt.runs.run_directory import PREDICTIONS


class Predictions(ImageCallback):
    """Write ``predictions.json``; report AP if there is ground truth.

    Args:
        output_dir: Run directory.
        evaluation: Computes AP. Its requirements are checked before the run.
    """

    def __init__(self, output_dir: str | Path, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.path = Path(output_dir) / PREDICTIONS

    def setup(self, trainer: Trainer, pl_module: Stages, stage: str) -> None:  # type: ignore[override]
        """Check that the ground truth can be evaluated before anything is computed."""
        if pl_module.dataset.ground_truth is not None:
            self.evaluation.check(pl_module.dataset.ground_truth)

    def on_image_result(self, stages: Stages, result: ImageResult) -> list[dict[str, Any]]:
        """Return the instances of the image as COCO results."""
        return coco_results(result.target.image_id, result.instances, stages.dataset.category_ids)

    def summarise(self, stages: Stages, notes: Sequence[Any], unread: Sequence[int | str]) -> None:
        """Write and evaluate the results.

        Objects in unreadable images count as missed; an unreadable image never counts as a true negative.
        """
        results = list(chain.from_iterable(notes))
        write_json(self.path, results, indent=None)
        ground_truth = stages.dataset.ground_truth
        if ground_truth is not None:
            stages.report.update(self.evaluation(ground_truth, results))
            stages.report["open_set"] = open_set_metrics(ground_truth, results, set(unread))
