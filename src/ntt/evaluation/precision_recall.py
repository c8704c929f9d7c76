"""Precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from ntt.evaluation.base import with_numbers
from ntt.evaluation.coco_ap import ALL_AREAS, FASTER, LAST, accumulate

# Slice of COCO's ten IoU thresholds, from 0.5 to 0.95, that each curve averages.
CURVES = {"AP50": slice(0, 1), "AP75": slice(5, 6), "AP": slice(None)}


def precision_recall(
    ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str
) -> dict[str, list[float]]:
    """Compute COCO's interpolated precision at 101 recall levels, averaged over the classes.

    The mean of each curve is the metric of the same name, as COCO defines it (Lin et al., arXiv 1405.0312).

    Args:
        ground_truth: Ground truth of the segmented images.
        results: Results from ``coco_results``.
        kind: ``bbox`` or ``segm``.

    Returns:
        ``recall``, 0 to 1 in steps of 0.01, and the precision at each level: ``AP50`` and ``AP75`` at one IoU
        threshold, ``AP`` averaged over ten. Empty if there are no objects.
    """
    evaluation = accumulate(FASTER, *with_numbers(ground_truth, results), kind)
    precision = evaluation.eval["precision"][:, :, :, ALL_AREAS, LAST]  # IoU, recall, category
    defined = precision[:, :, (precision >= 0).all(axis=(0, 1))]  # the library's -1: no object of that class
    if not defined.size:
        return {}
    curves = {name: defined[ious].mean(axis=(0, 2)).tolist() for name, ious in CURVES.items()}
    return {"recall": np.linspace(0, 1, precision.shape[1]).tolist(), **curves}
