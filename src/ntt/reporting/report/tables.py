"""Tables of a report, independent of HTML or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ntt.evaluation.bootstrap import Interval
from ntt.reporting.loggers import flatten
from ntt.reporting.report.significance import Significance
from ntt.reporting.terminal import number
from ntt.runs.finished import Run

KIND_TITLES = {"segm": "mask AP", "bbox": "box AP"}
UNKNOWN = "-"


@dataclass(frozen=True)
class Cell:
    """Cell with its text and, for numbers, the value to sort by."""

    text: str
    value: float | None = None
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """Table with column titles and rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


@dataclass(frozen=True)
class Column:
    """Column with a number for each run and its format."""

    title: str
    value: Callable[[Run], float | None]
    write: Callable[[float | None], str] = number


def text(content: str) -> Cell:
    """Return a text cell, which is sorted alphabetically."""
    return Cell(content, is_number=False)


def overall(runs: Sequence[Run], names: Sequence[str]) -> Table:
    """Return the table of all runs, one row per run.

    Columns without any number are omitted, and so is the encoder if the run names contain it.
    """
    columns = [column for column in _columns(runs) if any(column.value(run) is not None for run in runs)]
    encoders = [run.metrics["encoder"]["name"] for run in runs]
    told = all(encoder in name for encoder, name in zip(encoders, names, strict=True))
    rows = [
        (text(name), *(() if told else (text(encoder),)), *(_cell(column, run) for column in columns))
        for name, encoder, run in zip(names, encoders, runs, strict=True)
    ]
    return Table(("run", *(() if told else ("encoder",)), *(column.title for column in columns)), rows)


def differences(names: Sequence[str], baseline: int, significance: Significance) -> Table | None:
    """Return the differences of all runs from the baseline; None if no difference is known."""
    found = [
        (name, significance.difference(position, baseline))
        for position, name in enumerate(names)
        if position != baseline
    ]
    rows = [(text(name), *_interval_cells(each)) for name, each in found if each is not None]
    return Table(("run", "difference", "low", "high", "significance"), rows) if rows else None


def per_class(
    runs: Sequence[Run], names: Sequence[str], pair: tuple[int, int], significance: Significance
) -> Table:
    """Return the AP of each class for all runs, and the difference between two of them."""
    one, other = pair
    columns = ["class", *names, f"{names[one]} minus {names[other]}"]
    known = {one, other} <= significance.evaluated.keys()
    columns += ["low", "high", "significance"] if known else []
    rows = []
    for position, name in enumerate(runs[0].metrics["per_class"]):
        aps = [ap_of_class(run, name) for run in runs]
        numbers = [Cell(number(ap), ap) for ap in aps]
        found = significance.class_difference(one, other, position) if known else None
        if found is None:
            difference = None if aps[one] is None or aps[other] is None else aps[one] - aps[other]
            cells: tuple[Cell, ...] = (Cell(signed(difference), difference),)
        else:
            cells = _interval_cells(found)
        rows.append((text(name), *numbers, *cells))
    return Table(tuple(columns), rows)


def ap_of_class(run: Run, name: str) -> Any:
    """Return the AP of a class, or None."""
    return run.metrics["per_class"][name][run.kind]


def signed(value: float | None) -> str:
    """Format a difference with its sign."""
    return UNKNOWN if value is None else f"{value:+.3f}"


def _columns(runs: Sequence[Run]) -> list[Column]:
    kinds = [kind for kind in KIND_TITLES if any(kind in run.metrics for run in runs)]
    main = kinds[:1]
    return [
        *(Column(KIND_TITLES[kind], partial(_look_up, kind, "AP")) for kind in main),
        *(Column(f"{KIND_TITLES[kind]}50", partial(_look_up, kind, "AP50")) for kind in main),
        *(Column(KIND_TITLES[kind], partial(_look_up, kind, "AP")) for kind in kinds[1:]),
        *(Column("AP, oracle labels", partial(_look_up, "oracle", "true_labels", k, "AP")) for k in main),
        *(Column("AP, oracle masks", partial(_look_up, "oracle", "true_masks", k, "AP")) for k in main),
        Column("mIoU", partial(_look_up, "semantic", "mIoU")),
        Column("images/s", images_per_second, partial(number, digits=2)),
        Column("encoder parameters", parameters, _millions),
        Column("peak memory", _peak_memory, _gigabytes),
    ]


def images_per_second(run: Run) -> float | None:
    """Return the number of target images that the model segments per second."""
    return _look_up("timing", "images_per_second", run)


def parameters(run: Run) -> float | None:
    """Return the number of encoder parameters."""
    return _look_up("encoder", "parameters", run)


def _look_up(*path: Any) -> float | None:
    """Return the number at a path in the metrics of a run; the run is the last argument."""
    *keys, run = path
    found: Any = run.metrics
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _peak_memory(run: Run) -> float | None:
    """Return the first peak memory in the metrics, in bytes."""
    return next((value for path, value in flatten(run.metrics) if "peak" in path), None)


def _cell(column: Column, run: Run) -> Cell:
    value = column.value(run)
    return Cell(column.write(value), value)


def _interval_cells(found: Interval) -> tuple[Cell, ...]:
    if found.difference is None:
        statement = UNKNOWN
    elif found.low is None:
        statement = "too few images"
    else:
        statement = "not significant" if found.is_chance else "significant"
    numbers = (found.difference, found.low, found.high)
    return (*(Cell(signed(value), value) for value in numbers), text(statement))


def _millions(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value / 1e6:,.1f} M"


def _gigabytes(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value / 1e9:.2f} GB"
