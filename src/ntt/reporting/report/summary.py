"""Summary of a comparison: the best run and the significance of its lead."""

from __future__ import annotations

from collections.abc import Sequence

from ntt.reporting.report.significance import Significance
from ntt.reporting.report.tables import KIND_TITLES
from ntt.runs.finished import Run


def best_first(runs: Sequence[tuple[Run, str]]) -> list[tuple[Run, str]]:
    """Sort named runs by AP, best first; runs without AP come last."""
    return sorted(runs, key=lambda each: -1.0 if each[0].ap is None else each[0].ap, reverse=True)


def summary_sentence(runs: Sequence[Run], names: Sequence[str], significance: Significance) -> str:
    """Summarise runs in one sentence; they must be sorted by ``best_first``."""
    if not runs:
        return "No run finished; there is nothing to compare."
    best = runs[0]
    if best.ap is None or best.kind is None:
        return "No run has an AP, so there is no best run; the tables show the speed."
    kind = KIND_TITLES[best.kind]
    if len(runs) == 1:
        return f"Only one run finished: {names[0]}, with {kind} {best.ap:.3f}."
    lead = f"{names[0]} is best with {kind} {best.ap:.3f}"
    if runs[1].ap is None:
        return f"{lead}; no other run has an AP."
    lead += f", {best.ap - runs[1].ap:.3f} above the second best, {names[1]}"
    found = significance.difference(0, 1)
    if found is None or found.low is None or found.high is None:
        return f"{lead}; the significance of the difference is unknown."
    span = f"the 95 % interval of the difference, {found.low:+.3f} to {found.high:+.3f}"
    if found.is_chance:
        return f"{lead}, but the difference is not significant: {span}, contains zero."
    return f"{lead}. The difference is significant: {span}, does not contain zero."
