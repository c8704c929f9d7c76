"""Average precision as COCO defines it, by pycocotools or faster-coco-eval."""

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

# Where both libraries keep what, in COCOeval.stats.
SUMMARY = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5, "AR100": 8}
ALL_AREAS, LAST = 0, -1
FASTER = partial(COCOeval_faster, print_function=logging.getLogger(__name__).debug)
BACKENDS = {"pycocotools": COCOeval, "faster": FASTER}


class CocoEvaluation(Evaluation):
    """COCO's AP: the mean over ten IoU from 0.5 to 0.95, at 101 points of recall, 100 detections an image.

    Lin et al., *Microsoft COCO*, arXiv 1405.0312. ``bbox`` and ``segm`` also have APs, APm, APl (small,
    medium, large) and AR100.

    Args:
        backend: ``pycocotools`` is COCO's own code; ``faster`` is faster-coco-eval, which gives its numbers.

    Raises:
        InputError: there is no such backend.
    """

    protocol = "COCO"

    def __init__(self, backend: str = "pycocotools") -> None:
        if backend not in BACKENDS:
            raise InputError(f"evaluation.backend is {backend!r}; make it one of: {', '.join(BACKENDS)}")
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
    """Match results with objects: ``eval["precision"]`` is by IoU, recall, category, area and limit."""
    evaluation = evaluator(ground_truth, load_results(ground_truth, results, kind), kind)
    with redirect_stdout(io.StringIO()):  # pycocotools reports each of its steps
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def load_results(ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str) -> COCO:
    """Results as pycocotools wants them: it writes into them, cannot load none, and measures their boxes.

    With a box beside it, the area of the box would be taken for that of the mask.
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
    """Metrics by name, from where a library keeps them."""
    return {name: _defined(stats[position]) for name, position in positions.items()}


def class_ap(evaluation: COCOeval) -> list[float | None]:
    """AP of each category, in the order of their ids."""
    precision = evaluation.eval["precision"][:, :, :, ALL_AREAS, LAST]  # IoU, recall, category
    return [_defined(np.mean(precision[:, :, k])) for k in range(precision.shape[2])]


def _defined(value: float) -> float | None:
    """None for the libraries' -1."""
    return None if value < 0 else float(value)
