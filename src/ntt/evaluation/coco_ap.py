"""COCO results, and their average precision and curves by pycocotools or faster-coco-eval."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import Any

import numpy as np
import torch
from faster_coco_eval import COCOeval_faster
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ntt.data.masks import decode_mask
from ntt.errors import InputError
from ntt.evaluation.base import Evaluation, ap_by_class, kinds, with_numbers
from ntt.matching import boxes_from_masks
from ntt.structures import Instances

# Positions of the metrics in COCOeval.stats of both libraries.
SUMMARY = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5, "AR100": 8}
ALL_AREAS, LAST = 0, -1
FASTER = partial(COCOeval_faster, print_function=logging.getLogger(__name__).debug)
BACKENDS = {"pycocotools": COCOeval, "faster": FASTER}
# Slice of COCO's ten IoU thresholds, from 0.5 to 0.95, that each curve averages.
CURVES = {"AP50": slice(0, 1), "AP75": slice(5, 6), "AP": slice(None)}


class CocoEvaluation(Evaluation):
    """COCO AP: mean over ten IoU thresholds from 0.5 to 0.95, 101 recall levels, 100 detections per image.

    Lin et al., *Microsoft COCO*, arXiv 1405.0312. ``bbox`` and ``segm`` also have APs, APm, APl (small,
    medium, large) and AR100.

    Args:
        backend: ``pycocotools`` is the official code; ``faster`` is faster-coco-eval with the same results.

    Raises:
        InputError: The backend is unknown.
    """

    protocol = "COCO"

    def __init__(self, backend: str = "pycocotools") -> None:
        if backend not in BACKENDS:
            raise InputError(f"evaluation.backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
        self.evaluator = BACKENDS[backend]

    def __call__(self, ground_truth: COCO, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """See the base class."""
        ground_truth, results = with_numbers(ground_truth, results)
        evaluated = {kind: self._evaluate(ground_truth, results, kind) for kind in kinds(ground_truth)}
        return {
            "protocol": self.protocol,
            **{kind: summary(evaluation.stats, SUMMARY) for kind, evaluation in evaluated.items()},
            "per_class": ap_by_class(ground_truth, **{kind: class_ap(e) for kind, e in evaluated.items()}),
        }

    def _evaluate(self, ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str) -> COCOeval:
        evaluation = accumulate(self.evaluator, ground_truth, results, kind)
        with redirect_stdout(io.StringIO()):
            evaluation.summarize()
        return evaluation


def accumulate(
    evaluator: Callable[..., COCOeval], ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str
) -> COCOeval:
    """Match results with objects; ``eval["precision"]`` has axes IoU, recall, category, area and limit."""
    evaluation = evaluator(ground_truth, load_results(ground_truth, results, kind), kind)
    with redirect_stdout(io.StringIO()):  # pycocotools prints each step
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def load_results(ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str) -> COCO:
    """Load results for pycocotools, which modifies them, cannot load an empty list and prefers box areas.

    For masks the boxes are removed, because pycocotools would use the area of the box instead of the mask.
    """
    unused = "bbox" if kind == "segm" else "segmentation"
    with redirect_stdout(io.StringIO()):
        if results:
            return ground_truth.loadRes([{k: v for k, v in r.items() if k != unused} for r in results])
        nothing = COCO()
        nothing.dataset = {**ground_truth.dataset, "annotations": []}
        nothing.createIndex()
        return nothing


def summary(stats: Sequence[float], positions: Mapping[str, int]) -> dict[str, float | None]:
    """Return the metrics by name from their positions in ``stats``."""
    return {name: _defined(stats[position]) for name, position in positions.items()}


def class_ap(evaluation: COCOeval) -> list[float | None]:
    """Return the AP of each category, in the order of the category ids."""
    precision = evaluation.eval["precision"][:, :, :, ALL_AREAS, LAST]  # IoU, recall, category
    return [_defined(np.mean(precision[:, :, k])) for k in range(precision.shape[2])]


def _defined(value: float) -> float | None:
    """Replace the -1 of the libraries by None."""
    return None if value < 0 else float(value)


def coco_results(
    image_id: int | str, instances: Instances, category_ids: Sequence[int]
) -> list[dict[str, Any]]:
    """Convert instances to the COCO results format.

    Args:
        image_id: Image id.
        instances: Instances, highest score first.
        category_ids: COCO id of each label.

    Returns:
        One JSON-serializable entry per instance, in the same order: ``image_id``, ``category_id``, ``score``,
        ``bbox`` (x, y, width, height in pixels) and ``segmentation`` (compressed RLE).
    """
    boxes = instances.boxes.double().clone()
    boxes[:, 2:] -= boxes[:, :2]
    masks = np.asfortranarray(instances.masks.permute(1, 2, 0).numpy(force=True).astype(np.uint8))
    return [
        {
            "image_id": image_id,
            "category_id": category_ids[label],
            "bbox": box,
            "score": score,
            "segmentation": {"size": rle["size"], "counts": rle["counts"].decode("ascii")},
        }
        for label, box, score, rle in zip(
            instances.labels.tolist(),
            boxes.tolist(),
            instances.scores.tolist(),
            coco_mask.encode(masks),
            strict=True,
        )
    ]


def instances_of(
    results: Sequence[Mapping[str, Any]], category_ids: Sequence[int], height: int, width: int
) -> Instances:
    """Convert the COCO results of one image to instances.

    Args:
        results: Results with RLE masks, in any order.
        category_ids: COCO id of each label.
        height: Image height in pixels.
        width: Image width in pixels.
    """
    if not results:
        return Instances.empty(height, width)
    ordered = sorted(results, key=lambda result: -result["score"])
    masks = torch.stack([decode_mask(result["segmentation"]) for result in ordered])
    return Instances(
        masks=masks,
        boxes=boxes_from_masks(masks),
        scores=torch.tensor([result["score"] for result in ordered]),
        labels=torch.tensor([category_ids.index(result["category_id"]) for result in ordered]),
    )


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
