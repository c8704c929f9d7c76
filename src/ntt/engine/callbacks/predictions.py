"""COCO results of a run, and how good they are."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lightning import Trainer

from ntt.engine.callbacks.base import OutcomeCallback
from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages
from ntt.engine.unreadable import Unreadable
from ntt.evaluation import Evaluation, coco_results, open_set_metrics
from ntt.files import write_json

WAITING = 2  # images whose masks may wait for their run lengths; bounds memory


class Predictions(OutcomeCallback):
    """Write ``predictions.json``; report AP where there is ground truth.

    Run lengths are computed in a thread, while the next image is segmented.

    Args:
        output_dir: the run's folder.
        evaluation: says what AP is; what it needs is asked for before the run.
    """

    def __init__(self, output_dir: str | Path, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.path = Path(output_dir) / "predictions.json"
        self.results: list[dict[str, Any]] = []
        self._unseen: set[int | str] = set()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-lengths")
        self._waiting: deque[Future[list[dict[str, Any]]]] = deque()

    def setup(self, trainer: Trainer, pl_module: Stages, stage: str) -> None:  # type: ignore[override]
        """Refuse a ground truth that cannot be evaluated, before anything is computed."""
        if pl_module.dataset.ground_truth is not None:
            self.evaluation.check(pl_module.dataset.ground_truth)

    def on_outcome(self, stages: Stages, outcome: Outcome) -> None:
        """Keep the image's instances as COCO results."""
        categories = stages.dataset.category_ids
        found = self._thread.submit(coco_results, outcome.target.image_id, outcome.instances, categories)
        self._waiting.append(found)
        self._collect(WAITING)

    def on_skipped(self, stages: Stages, unreadable: Unreadable) -> None:
        """Its objects are missed; that nothing was found there is no merit."""
        self._unseen.add(unreadable.image_id)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Write and evaluate."""
        self._collect(0)
        write_json(self.path, self.results, indent=None)
        ground_truth = pl_module.dataset.ground_truth
        if ground_truth is not None:
            pl_module.report.update(self.evaluation(ground_truth, self.results))
            pl_module.report["open_set"] = open_set_metrics(ground_truth, self.results, self._unseen)

    def _collect(self, left: int) -> None:
        """Take over the oldest results until no more than ``left`` images wait."""
        while len(self._waiting) > left:
            self.results += self._waiting.popleft().result()
