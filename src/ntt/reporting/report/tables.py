"""The tables of a report, before they become HTML or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ntt.evaluation.bootstrap import Interval
from ntt.reporting.loggers import flatten
from ntt.reporting.report.judging import Judgement
from ntt.reporting.runs import Run
from ntt.reporting.terminal import number

KINDS = {"segm": "mask AP", "bbox": "box AP"}
UNKNOWN = "-"


@dataclass(frozen=True)
class Cell:
    """What is shown, and the number it is sorted by; a text has none."""

    text: str
    value: float | None = None
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """Rows under their columns."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


@dataclass(frozen=True)
class Column:
    """A number of each run, and how it is written."""

    title: str
    value: Callable[[Run], float | None]
    write: Callable[[float | None], str] = number


def text(words: str) -> Cell:
    """A cell that is sorted by its letters."""
    return Cell(words, is_number=False)


def overall(runs: Sequence[Run], names: Sequence[str]) -> Table:
    """One row a run; columns that no run has a number for are left out.

    So are the encoders where the names tell them.
    """
    columns = [column for column in _columns(runs) if any(column.value(run) is not None for run in runs)]
    encoders = [run.metrics["encoder"]["name"] for run in runs]
    told = all(encoder in name for encoder, name in zip(encoders, names, strict=True))
    rows = [
        (text(name), *(() if told else (text(encoder),)), *(_cell(column, run) for column in columns))
        for name, encoder, run in zip(names, encoders, runs, strict=True)
    ]
    return Table(("run", *(() if told else ("encoder",)), *(column.title for column in columns)), rows)


def differences(names: Sequence[str], baseline: int, judgement: Judgement) -> Table | None:
    """Every run against one; None where that cannot be told of any."""
    found = [
        (name, judgement.difference(position, baseline))
        for position, name in enumerate(names)
        if position != baseline
    ]
    rows = [(text(name), *_interval_cells(each)) for name, each in found if each is not None]
    return Table(("run", "difference", "from", "to", "verdict"), rows) if rows else None


def per_class(
    runs: Sequence[Run], names: Sequence[str], pair: tuple[int, int], judgement: Judgement
) -> Table:
    """AP of each class of all runs, and the difference between two of them."""
    one, other = pair
    columns = ["class", *names, f"{names[one]} minus {names[other]}"]
    known = {one, other} <= judgement.judged.keys()
    columns += ["from", "to", "verdict"] if known else []
    rows = []
    for position, name in enumerate(runs[0].metrics["per_class"]):
        aps = [class_ap(run, name) for run in runs]
        numbers = [Cell(number(ap), ap) for ap in aps]
        found = judgement.class_difference(one, other, position) if known else None
        if found is None:
            difference = None if aps[one] is None or aps[other] is None else aps[one] - aps[other]
            cells: tuple[Cell, ...] = (Cell(signed(difference), difference),)
        else:
            cells = _interval_cells(found)
        rows.append((text(name), *numbers, *cells))
    return Table(tuple(columns), rows)


def class_ap(run: Run, name: str) -> Any:
    """AP of a class, or None."""
    return run.metrics["per_class"][name][run.kind]


def signed(value: float | None) -> str:
    """A difference for a table."""
    return UNKNOWN if value is None else f"{value:+.3f}"


def _columns(runs: Sequence[Run]) -> list[Column]:
    kinds = [kind for kind in KINDS if any(kind in run.metrics for run in runs)]
    main = kinds[:1]
    return [
        *(Column(KINDS[kind], partial(_look_up, kind, "AP")) for kind in main),
        *(Column(f"{KINDS[kind]}50", partial(_look_up, kind, "AP50")) for kind in main),
        *(Column(KINDS[kind], partial(_look_up, kind, "AP")) for kind in kinds[1:]),
        *(
            Column("AP if labels were true", partial(_look_up, "ceilings", "true_labels", k, "AP"))
            for k in main
        ),
        *(
            Column("AP if masks were true", partial(_look_up, "ceilings", "true_masks", k, "AP"))
            for k in main
        ),
        Column("mIoU", partial(_look_up, "semantic", "mIoU")),
        Column("images/s", images_per_second, partial(number, digits=2)),
        Column("parameters of the encoder", parameters, _millions),
        Column("peak memory", _peak_memory, _gigabytes),
    ]


def images_per_second(run: Run) -> float | None:
    """How many target images the model answers in a second."""
    return _look_up("timing", "images_per_second", run)


def parameters(run: Run) -> float | None:
    """Of the encoder."""
    return _look_up("encoder", "parameters", run)


def _look_up(*path: Any) -> float | None:
    """The number at a path of a run's metrics; the run is the last argument."""
    *keys, run = path
    found: Any = run.metrics
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _peak_memory(run: Run) -> float | None:
    """Bytes, wherever the metrics have them."""
    return next((value for path, value in flatten(run.metrics) if "peak" in path), None)


def _cell(column: Column, run: Run) -> Cell:
    value = column.value(run)
    return Cell(column.write(value), value)


def _interval_cells(found: Interval) -> tuple[Cell, ...]:
    if found.difference is None:
        verdict = UNKNOWN
    elif found.low is None:
        verdict = "too few images"
    else:
        verdict = "may be chance" if found.is_chance else "more than chance"
    numbers = (found.difference, found.low, found.high)
    return (*(Cell(signed(value), value) for value in numbers), text(verdict))


def _millions(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value / 1e6:,.1f} M"


def _gigabytes(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value / 1e9:.2f} GB"
