"""How sure the differences between runs are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ntt.engine.run_folder import PREDICTIONS
from ntt.errors import InputError
from ntt.evaluation.bootstrap import (
    RESAMPLES,
    ClassMatches,
    Floats,
    Interval,
    interval,
    match_images,
    mean_ap,
    resample,
    weighted_ap,
)
from ntt.reporting.report.run_data import RunData
from ntt.reporting.runs import Run

SAME = 1e-6  # AP computed again may differ so much from what the run wrote


@dataclass(frozen=True)
class Judged:
    """One run judged again, image by image.

    Attributes:
        data: its targets.
        results: what it found.
        matches: which of these are right, by class.
        aps: AP by class, ``(1, K)``; NaN where undefined.
        resampled: AP by class of each resample, ``(B, K)``.
    """

    data: RunData
    results: list[dict[str, Any]]
    matches: list[ClassMatches]
    aps: Floats
    resampled: Floats

    def image_aps(self) -> Floats:
        """AP on each image by itself, ``(I,)``; 0 where it has no object."""
        return np.nan_to_num(mean_ap(weighted_ap(self.matches, np.eye(len(self.matches[0].objects)))))


@dataclass
class Judgement:
    """All runs on the same resamples of the same images.

    Attributes:
        judged: by position of the run; those that could not be judged again are left out.
        remarks: why not.
    """

    judged: dict[int, Judged] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def difference(self, one: int, other: int) -> Interval | None:
        """By how much the AP of one run is above that of another; None where this cannot be told."""
        return self._interval(one, other, slice(None))

    def class_difference(self, one: int, other: int, position: int) -> Interval | None:
        """The same of one class."""
        return self._interval(one, other, slice(position, position + 1))

    def _interval(self, one: int, other: int, classes: slice) -> Interval | None:
        if not {one, other} <= self.judged.keys():
            return None
        first, second = self.judged[one], self.judged[other]
        difference = float((mean_ap(first.aps[:, classes]) - mean_ap(second.aps[:, classes]))[0])
        resampled = mean_ap(first.resampled[:, classes]) - mean_ap(second.resampled[:, classes])
        objects = np.sum([matches.objects for matches in first.matches[classes]], axis=0)
        known = None if np.isnan(difference) else difference
        return interval(known, resampled, int(np.count_nonzero(objects)))


def judge(runs: Sequence[Run], names: Sequence[str]) -> Judgement:
    """Judge runs again, as far as their files are still there.

    Args:
        runs: which finished, on the same targets.
        names: of them, for remarks.

    Raises:
        InputError: two were judged on different targets, classes or by different rules.
    """
    _require_same_rules(runs)
    judgement = Judgement()
    if len(runs) < 2:
        return judgement
    if any(run.ap is None for run in runs):
        judgement.remarks.append("Without ground truth there is no AP, and nothing to tell chance by.")
        return judgement
    protocol = runs[0].metrics["protocol"]
    if protocol != "COCO":
        judgement.remarks.append(f"Intervals are made for COCO's AP only; these runs have {protocol}'s.")
        return judgement
    first: RunData | None = None
    for position, (run, name) in enumerate(zip(runs, names, strict=True)):
        try:
            data = RunData(run.folder)
            if first is not None and data.same_config(first):
                data = first  # what it has read need not be read again
            judged = _judge(run, data)
        except Exception as error:  # whatever a dataset raises whose files are gone
            reason = next(iter(str(error).splitlines()), repr(error))
            judgement.remarks.append(f"{name}: no intervals and no pictures, since {reason}")
            continue
        first = first or data
        if not data.same_targets(first):
            raise InputError(
                f"{run.folder}: was not judged on the targets and classes of {first.folder}; "
                "compare runs on the same data"
            )
        judgement.judged[position] = judged
    return judgement


def _judge(run: Run, data: RunData) -> Judged:
    assert run.kind is not None, "there is ground truth"
    assert run.ap is not None, "and objects in it"
    results = json.loads((run.folder / PREDICTIONS).read_text())
    matches = match_images(data.ground_truth, results, run.kind)
    images = len(matches[0].objects)
    aps = weighted_ap(matches, np.ones((1, images)))
    if abs(mean_ap(aps)[0] - run.ap) > SAME:
        raise ValueError("its targets or predictions have changed after it")
    return Judged(data, results, matches, aps, weighted_ap(matches, resample(images, RESAMPLES)))


def _require_same_rules(runs: Sequence[Run]) -> None:
    """Tell from metrics alone, which are there even if the data are not, what cannot be compared."""
    for run in runs[1:]:
        if _rules(run) != _rules(runs[0]):
            raise InputError(
                f"{run.folder}: was not judged on the classes and by the rules of {runs[0].folder}; "
                "compare runs on the same data"
            )


def _rules(run: Run) -> tuple[Any, ...]:
    classes = run.metrics.get("per_class", {})
    return (
        run.metrics.get("protocol"),
        run.kind,
        {name: aps[run.kind] is None for name, aps in classes.items()},
    )
