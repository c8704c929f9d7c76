"""Curves, histograms and per-class tables of a run."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from pycocotools.coco import COCO

from ntt.data import FewShotDataset
from ntt.evaluation import kinds, precision_recall

BINS = 50  # bins of the score histogram
LABELS = {"AP50": "IoU 0.5", "AP75": "IoU 0.75", "AP": "mean, IoU 0.5 to 0.95"}


@dataclass(frozen=True)
class Charts:
    """Data for the charts of a run.

    Attributes:
        curves: Output of ``precision_recall`` for each evaluated kind, ``bbox`` and ``segm``.
        results: COCO results of all images; None if the run wrote none.
        per_class: Metrics by class name.
    """

    curves: dict[str, dict[str, list[float]]]
    results: list[dict[str, Any]] | None
    per_class: dict[str, dict[str, float | None]]

    @property
    def scores(self) -> list[float]:
        """Scores of all instances."""
        return [result["score"] for result in self.results or ()]


class ChartLogger(ABC):
    """Base class of loggers that show charts and images besides numbers."""

    @abstractmethod
    def conclude(self, charts: Charts, dataset: FewShotDataset) -> None:
        """Log the charts, and images if supported. This is the last call for a run.

        Args:
            charts: Charts of the run.
            dataset: Dataset of the run.
        """


def run_charts(predictions: Path, ground_truth: COCO | None, metrics: Mapping[str, Any]) -> Charts:
    """Collect the charts of a finished run.

    Args:
        predictions: ``predictions.json`` of the run; without this file there are no curves and no results.
        ground_truth: Ground truth of the targets; without it there are no curves.
        metrics: Content of ``metrics.json``.
    """
    results = json.loads(predictions.read_text(encoding="utf-8")) if predictions.is_file() else None
    curves = {}
    if results is not None and ground_truth is not None:
        curves = {kind: precision_recall(ground_truth, results, kind) for kind in kinds(ground_truth)}
    return Charts(
        curves={kind: curve for kind, curve in curves.items() if curve},
        results=results,
        per_class=metrics.get("per_class", {}),
    )


def curve_figure(curve: Mapping[str, list[float]], title: str) -> Figure:
    """Plot precision over recall with one line per IoU threshold."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for name, label in LABELS.items():
        axes.plot(curve["recall"], curve[name], label=label)
    axes.set(title=title, xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()
    return figure
