"""The sentence that says which run is best, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence

from ntt.reporting.report.judging import Judgement
from ntt.reporting.report.tables import KINDS
from ntt.reporting.runs import Run


def best_first(runs: Sequence[tuple[Run, str]]) -> list[tuple[Run, str]]:
    """Named runs by AP; those without one come last."""
    return sorted(runs, key=lambda each: -1.0 if each[0].ap is None else each[0].ap, reverse=True)


def verdict(runs: Sequence[Run], names: Sequence[str], judgement: Judgement) -> str:
    """One sentence about runs that are sorted by ``best_first``."""
    if not runs:
        return "No run finished, so there is nothing to compare."
    best = runs[0]
    if best.ap is None or best.kind is None:
        return "No run was judged by AP, so none is best; the tables say how fast they are."
    kind = KINDS[best.kind]
    if len(runs) == 1:
        return f"Only one run finished: {names[0]}, with {kind} {best.ap:.3f}."
    lead = f"{names[0]} is best with {kind} {best.ap:.3f}"
    if runs[1].ap is None:
        return f"{lead}; no other run has an AP."
    lead += f", {best.ap - runs[1].ap:.3f} more than the next, {names[1]}"
    found = judgement.difference(0, 1)
    if found is None or found.low is None or found.high is None:
        return f"{lead}; whether that is more than chance cannot be told here."
    span = f"the 95 % interval of the difference, {found.low:+.3f} to {found.high:+.3f}"
    if found.is_chance:
        return f"{lead}, but that may be chance: {span}, holds zero."
    return f"{lead}, which is more than chance: {span}, does not hold zero."
