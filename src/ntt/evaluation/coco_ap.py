"""COCO average precision, by pycocotools."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

# Where pycocotools keeps what, in COCOeval.stats.
SUMMARY = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5, "AR100": 8}
ALL_AREAS, LAST = 0, -1


def coco_metrics(ground_truth: COCO, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Judge results of all images of a ground truth.

    Args:
        ground_truth: of the images that were segmented, and no others: they would count as missed.
        results: of ``coco_results``.

    Returns:
        ``bbox`` and ``segm``, each with AP, AP50, AP75, APs, APm, APl (small, medium, large) and AR100 in
        [0, 1], and ``per_class`` with the AP of both by class name. What is undefined, having no ground
        truth, is None; where nothing was found, precision is 0.
    """
    with redirect_stdout(io.StringIO()):  # pycocotools reports each of its steps
        bbox = _evaluate(ground_truth, results, "bbox")
        # With a box beside it, pycocotools would take the area of the box for that of the mask.
        masks = [{k: v for k, v in result.items() if k != "bbox"} for result in results]
        segm = _evaluate(ground_truth, masks, "segm")
    names = [ground_truth.cats[category]["name"] for category in bbox.params.catIds]
    return {
        "bbox": _summary(bbox),
        "segm": _summary(segm),
        "per_class": {
            name: {"bbox": box_ap, "segm": mask_ap}
            for name, box_ap, mask_ap in zip(names, _class_ap(bbox), _class_ap(segm), strict=True)
        },
    }


def _evaluate(ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str) -> COCOeval:
    evaluation = COCOeval(ground_truth, _loaded(ground_truth, results), kind)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def _loaded(ground_truth: COCO, results: Sequence[dict[str, Any]]) -> COCO:
    """Results as pycocotools wants them; it writes into them, and cannot load none."""
    if results:
        return ground_truth.loadRes([dict(result) for result in results])
    nothing = COCO()
    nothing.dataset = {**ground_truth.dataset, "annotations": []}
    nothing.createIndex()
    return nothing


def _summary(evaluation: COCOeval) -> dict[str, float | None]:
    return {name: _defined(evaluation.stats[position]) for name, position in SUMMARY.items()}


def _class_ap(evaluation: COCOeval) -> list[float | None]:
    """AP of each category, in the order of their ids."""
    precision = evaluation.eval["precision"][:, :, :, ALL_AREAS, LAST]  # IoU, recall, category
    return [_defined(np.mean(precision[:, :, k])) for k in range(precision.shape[2])]


def _defined(value: float) -> float | None:
    """None for pycocotools' -1."""
    return None if value < 0 else float(value)
