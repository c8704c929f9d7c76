"""Which half of the method is weak."""

from __future__ import annotations

from typing import Any

from lightning import Trainer

from ntt.engine.callbacks.base import OutcomeCallback
from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages
from ntt.evaluation import Evaluation, coco_results, kinds, true_label_instances, true_mask_instances


class Ceilings(OutcomeCallback):
    """Report AP with perfect labels (``true_labels``) and with perfect masks (``true_masks``).

    Does nothing where there is no ground truth. Where that is boxes, they stand for the true masks.

    Args:
        evaluation: says what AP is.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.results: dict[str, list[dict[str, Any]]] = {"true_labels": [], "true_masks": []}

    def on_outcome(self, stages: Stages, outcome: Outcome) -> None:
        """Answer for one image as if one half of the method were perfect, then the other."""
        dataset, model = stages.dataset, stages.model
        if dataset.ground_truth is None:
            return
        masks, labels = dataset.true_masks(outcome.target.image_id)
        height, width = outcome.target.image.shape[-2:]
        ceilings = {
            "true_labels": true_label_instances(
                outcome.proposals,
                masks,
                labels,
                height,
                width,
                nms_iou=model.matcher.nms_iou,
                max_instances=model.matcher.max_instances,
            ),
            "true_masks": true_mask_instances(model.compare(outcome.features, masks), masks),
        }
        for name, instances in ceilings.items():
            self.results[name] += coco_results(outcome.target.image_id, instances, dataset.category_ids)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Evaluate both."""
        ground_truth = pl_module.dataset.ground_truth
        if ground_truth is None:
            return
        judged = {name: self.evaluation(ground_truth, results) for name, results in self.results.items()}
        pl_module.report["ceilings"] = {
            name: {kind: metrics[kind] for kind in kinds(ground_truth)} for name, metrics in judged.items()
        }
