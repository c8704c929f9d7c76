"""COCO average precision, computed by pycocotools or faster-coco-eval."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import Any

import numpy as np
from faster_coco_eval import COCOeval_faster
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ntt.errors import InputError
from ntt.evaluation.base import Evaluation, by_class, kinds, with_numbers

# Positions of the metrics in COCOeval.stats of both libraries.
SUMMARY = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5, "AR100": 8}
ALL_AREAS, LAST = 0, -1
FASTER = partial(COCOeval_faster, print_function=logging.getLogger(__name__).debug)
BACKENDS = {"pycocotools": COCOeval, "faster": FASTER}


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
        judged = {kind: self._evaluate(ground_truth, results, kind) for kind in kinds(ground_truth)}
        return {
            "protocol": self.protocol,
            **{kind: summary(evaluation.stats, SUMMARY) for kind, evaluation in judged.items()},
            "per_class": by_class(ground_truth, **{kind: class_ap(e) for kind, e in judged.items()}),
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
