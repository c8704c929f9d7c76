"""Significance of the differences between runs (paired bootstrap)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ntt.errors import InputError
from ntt.evaluation.bootstrap import (
    RESAMPLES,
    ClassMatches,
    Floats,
    Interval,
    match_images,
    mean_ap,
    percentile_interval,
    resample,
    weighted_ap,
)
from ntt.reporting.report.run_data import RunData
from ntt.runs.finished import Run
from ntt.runs.run_directory import PREDICTIONS

SAME = 1e-6  # maximum difference between the recomputed AP and the AP that the run wrote


@dataclass(frozen=True)
class EvaluatedRun:
    """One run, evaluated again image by image.

    Attributes:
        data: Targets of the run.
        results: COCO results of the run.
        matches: Matches of the results with the ground truth, by class.
        aps: AP by class, ``(1, K)``; NaN if undefined.
        resampled: AP by class of each resample, ``(B, K)``.
    """

    data: RunData
    results: list[dict[str, Any]]
    matches: list[ClassMatches]
    aps: Floats
    resampled: Floats

    def image_aps(self) -> Floats:
        """Compute the AP of each image alone, ``(I,)``; 0 for images without objects."""
        return np.nan_to_num(mean_ap(weighted_ap(self.matches, np.eye(len(self.matches[0].objects)))))


@dataclass
class Significance:
    """All runs, evaluated on the same resamples of the same images.

    Attributes:
        evaluated: Runs by position; runs that could not be evaluated again are missing.
        notes: Reasons for missing runs or intervals.
    """

    evaluated: dict[int, EvaluatedRun] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def difference(self, one: int, other: int) -> Interval | None:
        """Return the AP of one run minus that of another with its interval; None if unavailable."""
        return self._interval(one, other, slice(None))

    def class_difference(self, one: int, other: int, position: int) -> Interval | None:
        """Return the difference of the AP of one class."""
        return self._interval(one, other, slice(position, position + 1))

    def _interval(self, one: int, other: int, classes: slice) -> Interval | None:
        if not {one, other} <= self.evaluated.keys():
            return None
        first, second = self.evaluated[one], self.evaluated[other]
        difference = float((mean_ap(first.aps[:, classes]) - mean_ap(second.aps[:, classes]))[0])
        resampled = mean_ap(first.resampled[:, classes]) - mean_ap(second.resampled[:, classes])
        objects = np.sum([matches.objects for matches in first.matches[classes]], axis=0)
        known = None if np.isnan(difference) else difference
        return percentile_interval(known, resampled, int(np.count_nonzero(objects)))


def evaluate_runs(runs: Sequence[Run], names: Sequence[str]) -> Significance:
    """Evaluate runs again if their files still exist.

    Args:
        runs: Finished runs on the same targets.
        names: Names of the runs, for notes.

    Raises:
        InputError: Two runs were evaluated on different targets or classes, or with different protocols.
    """
    _require_same_rules(runs)
    significance = Significance()
    if len(runs) < 2:
        return significance
    if any(run.ap is None for run in runs):
        significance.notes.append("Without ground truth there is no AP and no significance test.")
        return significance
    protocol = runs[0].metrics["protocol"]
    if protocol != "COCO":
        significance.notes.append(
            f"Intervals are available only for COCO AP; these runs report {protocol} AP."
        )
        return significance
    first: RunData | None = None
    for position, (run, name) in enumerate(zip(runs, names, strict=True)):
        try:
            data = RunData(run.folder)
            if first is not None and data.same_config(first):
                data = first  # reuse the loaded dataset
            evaluated = _evaluate_again(run, data)
        except Exception as error:  # datasets raise various errors if their files are missing
            reason = next(iter(str(error).splitlines()), repr(error))
            significance.notes.append(f"{name}: intervals and images are not available: {reason}")
            continue
        first = first or data
        if not data.same_targets(first):
            raise InputError(
                f"{run.folder} and {first.folder} have different targets or classes; "
                "compare runs on the same data"
            )
        significance.evaluated[position] = evaluated
    return significance


def _evaluate_again(run: Run, data: RunData) -> EvaluatedRun:
    assert run.kind is not None, "the run has no ground truth"
    assert run.ap is not None, "the ground truth has no objects"
    results = json.loads((run.folder / PREDICTIONS).read_text())
    matches = match_images(data.ground_truth, results, run.kind)
    images = len(matches[0].objects)
    aps = weighted_ap(matches, np.ones((1, images)))
    if abs(mean_ap(aps)[0] - run.ap) > SAME:
        raise ValueError("the targets or predictions have changed since the run")
    return EvaluatedRun(data, results, matches, aps, weighted_ap(matches, resample(images, RESAMPLES)))


def _require_same_rules(runs: Sequence[Run]) -> None:
    """Check from the metrics alone, which exist even if the data do not, that runs are comparable."""
    for run in runs[1:]:
        if _rules(run) != _rules(runs[0]):
            raise InputError(
                f"{run.folder} and {runs[0].folder} have different classes or evaluation protocols; "
                "compare runs on the same data"
            )


def _rules(run: Run) -> tuple[Any, ...]:
    classes = run.metrics.get("per_class", {})
    return (
        run.metrics.get("protocol"),
        run.kind,
        {name: aps[run.kind] is None for name, aps in classes.items()},
    )
