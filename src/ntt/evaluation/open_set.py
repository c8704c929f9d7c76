"""Open-set metrics: precision and recall of all instances, and false positives in images without objects."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

HIT_IOU = 0.5


def open_set_metrics(
    ground_truth: COCO, results: Sequence[Mapping[str, Any]], unseen: Collection[int | str] = ()
) -> dict[str, Any]:
    """Evaluate all reported instances regardless of score, which AP, a ranking metric, does not measure.

    An instance is a true positive if its mask has an IoU of at least 0.5 with an object of its class that no
    instance with a higher score has matched. Instances on a crowd region are ignored. If objects have no
    masks, boxes are compared.

    Args:
        ground_truth: Ground truth of the segmented images.
        results: Results from ``coco_results``.
        unseen: Ids of unreadable images; their objects count as missed, and they are not ``absent``.

    Returns:
        ``precision`` and ``recall`` over all images. For images without any object of the classes:
        ``absent_images``, their number; ``absent_silent``, the fraction of them without any instance; and
        ``absent_instances``, the mean number of instances per image. Undefined values are None.
    """
    reported: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for result in results:
        reported[result["image_id"]].append(result)
    counts: Counter[str] = Counter()
    absent: list[int] = []
    for image_id in ground_truth.getImgIds():
        objects = ground_truth.imgToAnns[image_id]
        right, wrong = _assess(reported[image_id], objects)
        counts.update(right=right, wrong=wrong, objects=sum(not each["iscrowd"] for each in objects))
        if not objects and image_id not in unseen:
            absent.append(len(reported[image_id]))
    return {
        "precision": _share(counts["right"], counts["right"] + counts["wrong"]),
        "recall": _share(counts["right"], counts["objects"]),
        "absent_images": len(absent),
        "absent_silent": _share(absent.count(0), len(absent)),
        "absent_instances": _share(sum(absent), len(absent)),
    }


def _assess(results: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Count the true positives and the false positives of an image."""
    right = wrong = 0
    for category in {result["category_id"] for result in results}:
        mine = [result for result in results if result["category_id"] == category]
        mine.sort(key=lambda result: -result["score"])
        theirs = [each for each in objects if each["category_id"] == category]
        crowd = [bool(each["iscrowd"]) for each in theirs]
        ious = _ious(mine, theirs, crowd)
        free = ~np.array(crowd, dtype=bool)
        for row in ious:
            best = int(np.where(free, row, -1).argmax()) if free.any() else -1
            if best >= 0 and row[best] >= HIT_IOU:
                free[best] = False
                right += 1
            elif not (row[crowd] >= HIT_IOU).any():
                wrong += 1
    return right, wrong


def _ious(
    results: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]], crowd: Sequence[bool]
) -> np.ndarray:
    if not objects:
        return np.zeros((len(results), 0))
    field = "segmentation" if all("segmentation" in each for each in objects) else "bbox"
    found, true = ([each[field] for each in entries] for entries in (results, objects))
    ious: np.ndarray = coco_mask.iou(found, true, list(crowd))
    return ious


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
