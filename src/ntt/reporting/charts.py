"""What a run has to show that is not one number."""

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

BINS = 50  # of the histogram of scores
LABELS = {"AP50": "IoU 0.5", "AP75": "IoU 0.75", "AP": "mean, IoU 0.5 to 0.95"}


@dataclass(frozen=True)
class Charts:
    """What is drawn of a run.

    Attributes:
        curves: of ``bbox`` and ``segm``, as far as they are judged, what ``precision_recall`` says.
        results: COCO results of all images; None where the run wrote none.
        per_class: metrics by name of each class.
    """

    curves: dict[str, dict[str, list[float]]]
    results: list[dict[str, Any]] | None
    per_class: dict[str, dict[str, float | None]]

    @property
    def scores(self) -> list[float]:
        """Of all instances."""
        return [result["score"] for result in self.results or ()]


class ChartLogger(ABC):
    """A logger that can show more than numbers."""

    @abstractmethod
    def conclude(self, charts: Charts, dataset: FewShotDataset) -> None:
        """Show the charts, and images if it can; the last thing that the logger hears of a run.

        Args:
            charts: of the run.
            dataset: whose targets the run had.
        """


def run_charts(predictions: Path, ground_truth: COCO | None, metrics: Mapping[str, Any]) -> Charts:
    """Gather the charts of a run that has ended.

    Args:
        predictions: the run's ``predictions.json``; without that file there are no curves and no results.
        ground_truth: of the targets; without it there are no curves.
        metrics: what ``metrics.json`` says.
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
    """Precision over recall, a line for each IoU."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for name, label in LABELS.items():
        axes.plot(curve["recall"], curve[name], label=label)
    axes.set(title=title, xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()
    return figure
