"""Oracle AP and proposal recall, which show whether the masks or the labels limit the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ntt.engine.callbacks.base import ImageCallback
from ntt.engine.data import ImageResult
from ntt.engine.stages import Stages
from ntt.evaluation import (
    Evaluation,
    average_recall,
    coco_results,
    count_found,
    kinds,
    true_label_instances,
    true_mask_instances,
)

ORACLES = ("true_labels", "true_masks")


class OracleAP(ImageCallback):
    """Report AP with oracle labels (``true_labels``) and with oracle masks (``true_masks``).

    Does nothing without ground truth. If the ground truth has only boxes, filled boxes replace the masks.

    Args:
        evaluation: Computes AP.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation

    def on_image_result(self, stages: Stages, result: ImageResult) -> dict[str, list[dict[str, Any]]] | None:
        """Compute the results of one image with oracle labels and with oracle masks."""
        dataset, model = stages.dataset, stages.model
        if dataset.ground_truth is None:
            return None
        masks, labels = dataset.true_masks(result.target.image_id)
        height, width = result.target.image.shape[-2:]
        results = {
            "true_labels": true_label_instances(
                result.proposals,
                masks,
                labels,
                height,
                width,
                nms_iou=model.matcher.nms_iou,
                max_instances=model.matcher.max_instances,
            ),
            "true_masks": true_mask_instances(model.compare(result.features, masks), masks),
        }
        image_id, categories = result.target.image_id, dataset.category_ids
        return {name: coco_results(image_id, found, categories) for name, found in results.items()}

    def summarise(self, stages: Stages, notes: Sequence[Any], unread: Sequence[int | str]) -> None:
        """Evaluate both sets of results."""
        ground_truth = stages.dataset.ground_truth
        if ground_truth is None:
            return
        results = {name: [each for note in notes for each in note[name]] for name in ORACLES}
        evaluated = {name: self.evaluation(ground_truth, found) for name, found in results.items()}
        stages.report["oracle"] = {
            name: {kind: metrics[kind] for kind in kinds(ground_truth)} for name, metrics in evaluated.items()
        }


class ProposalRecall(ImageCallback):
    """Report class-agnostic AR100 and AR1000 of all proposals if there is ground truth."""

    def on_image_result(self, stages: Stages, result: ImageResult) -> dict[str, int] | None:
        """Count the objects of one image and how many of them a proposal covers."""
        if stages.dataset.ground_truth is None:
            return None
        return count_found(result.proposals, stages.dataset.true_masks(result.target.image_id)[0])

    def summarise(self, stages: Stages, notes: Sequence[Any], unread: Sequence[int | str]) -> None:
        """Average over all images; objects in unreadable images count as missed."""
        ground_truth = stages.dataset.ground_truth
        if ground_truth is not None:
            missed = [each for image in unread for each in ground_truth.imgToAnns[image]]
            recall = average_recall([*notes, {"objects": sum(not each["iscrowd"] for each in missed)}])
            stages.report["proposal_recall"] = {kind: recall[kind] for kind in kinds(ground_truth)}
