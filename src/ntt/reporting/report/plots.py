"""Plots of a report as HTML fragments."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from ntt.evaluation.bootstrap import Interval
from ntt.reporting.report.significance import Significance
from ntt.reporting.report.tables import KIND_TITLES, ap_of_class, images_per_second, parameters
from ntt.runs.finished import Run

# Colour-blind-safe palette (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
CHANCE, REAL = "#8a8f98", "#0072b2"
FAMILIES = {"dinov2": "DINOv2", "dinov3": "DINOv3"}
MAX_CLASSES = 40  # maximum number of bars in a plot
CONFIG = {"displaylogo": False, "displayModeBar": False, "responsive": True}


@dataclass(frozen=True)
class Plot:
    """A plot with title and caption."""

    title: str
    caption: str
    html: str


def plots_of_runs(runs: Sequence[Run], names: Sequence[str]) -> list[Plot]:
    """Plot AP by encoder size, against speed and against parameters, if the runs have the numbers."""
    evaluated = [(run, name) for run, name in zip(runs, names, strict=True) if run.ap is not None]
    found = [
        _by_size([run for run, _ in evaluated]),
        _against(
            evaluated,
            images_per_second,
            "images/s",
            "AP against speed",
            "Higher is better; further right is faster.",
        ),
        _against(
            evaluated,
            parameters,
            "encoder parameters",
            "AP against parameters",
            "Higher is better; further left is smaller. Logarithmic scale.",
            log=True,
        ),
    ]
    return [plot for plot in found if plot is not None]


def plot_of_differences(names: Sequence[str], baseline: int, significance: Significance) -> Plot | None:
    """Plot the difference of every run from the baseline with its interval; None if there are none."""
    found = [
        (name, significance.difference(position, baseline))
        for position, name in enumerate(names)
        if position != baseline
    ]
    known = [(name, each) for name, each in found if each is not None and each.difference is not None]
    if not known:
        return None
    caption = (
        "Lines are 95 % intervals. Grey intervals contain zero: the difference is not significant. "
        "Blue intervals do not contain zero."
    )
    return Plot(f"Difference from {names[baseline]}", caption, _intervals(known[::-1]))


def plots_of_classes(
    runs: Sequence[Run], names: Sequence[str], pair: tuple[int, int], significance: Significance
) -> list[Plot]:
    """Plot the AP of each class for two runs, and the difference."""
    one, other = pair
    classes = list(runs[0].metrics["per_class"])
    aps = {name: tuple(ap_of_class(runs[position], name) for position in pair) for name in classes}
    defined = {name: (a, b) for name, (a, b) in aps.items() if a is not None and b is not None}
    if not defined:
        return []
    shown = sorted(defined, key=lambda name: abs(defined[name][0] - defined[name][1]))[-MAX_CLASSES:]
    shown.sort(key=lambda name: defined[name][0] - defined[name][1])
    few = f" Only the {MAX_CLASSES} classes that differ most are shown." if len(defined) > MAX_CLASSES else ""
    figure = go.Figure()
    for side in (1, 0):  # Plotly draws horizontal bars from the bottom up
        figure.add_bar(
            y=[_words(name) for name in shown],
            x=[defined[name][side] for name in shown],
            name=_words(names[pair[side]]),
            marker_color=COLOURS[side],
            orientation="h",
        )
    figure.update_layout(barmode="group", legend_traceorder="reversed")
    _finish(figure, KIND_TITLES[runs[0].kind or "segm"], rows=len(shown), row_height=30)
    plots = [Plot("AP by class", f"Longer is better.{few}", _html(figure))]
    positions = {name: position for position, name in enumerate(classes)}
    intervals = [
        (name, significance.class_difference(one, other, positions[name]) or _point(*defined[name]))
        for name in shown
    ]
    caption = f"Positive: {names[one]} is better. Negative: {names[other]} is better."
    if pair[0] in significance.evaluated and pair[1] in significance.evaluated:
        caption += " Lines are 95 % intervals; grey intervals contain zero."
    plots.append(Plot("Difference by class", caption + few, _intervals(intervals)))
    return plots


def _point(first: float, second: float) -> Interval:
    return Interval(first - second, None, None)


def _by_size(runs: Sequence[Run]) -> Plot | None:
    """Plot one line per encoder family, smallest model first; None for fewer than two models."""
    families: defaultdict[str, list[tuple[str, Run]]] = defaultdict(list)
    for run in runs:
        family, _, size = run.metrics["encoder"]["name"].partition("_")
        if family in FAMILIES:
            families[family].append((size, run))
    smallest_first = sorted(
        (each for found in families.values() for each in found), key=lambda each: parameters(each[1]) or 0
    )
    if len({run.metrics["encoder"]["name"] for _, run in smallest_first}) < 2:
        return None
    figure = go.Figure()
    # Follow the order of the runs, so that each of two runs keeps its colour across plots.
    for (family, found), colour, symbol in zip(families.items(), COLOURS, SYMBOLS, strict=False):
        mine = sorted(found, key=lambda each: parameters(each[1]) or 0)
        figure.add_scatter(
            x=[size for size, _ in mine],
            y=[run.ap for _, run in mine],
            name=FAMILIES[family],
            mode="lines+markers",
            marker={"size": 11, "color": colour, "symbol": symbol},
        )
    sizes = list(dict.fromkeys(size for size, _ in smallest_first))
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=sizes, title="encoder size")
    _finish(figure, None)
    return Plot("AP by encoder size", "Encoder size increases from left to right.", _html(figure))


def _against(
    runs: Sequence[tuple[Run, str]],
    value: Callable[[Run], float | None],
    axis: str,
    title: str,
    caption: str,
    log: bool = False,
) -> Plot | None:
    if len(runs) < 2 or any(value(run) is None for run, _ in runs):
        return None
    figure = go.Figure()
    for number, (run, name) in enumerate(runs):
        figure.add_scatter(
            x=[value(run)],
            y=[run.ap],
            name=_words(name),
            mode="markers",
            marker={
                "size": 13,
                "color": COLOURS[number % len(COLOURS)],
                "symbol": SYMBOLS[number % len(SYMBOLS)],
            },
        )
    figure.update_xaxes(title=axis, type="log" if log else "linear", rangemode="normal" if log else "tozero")
    _finish(figure, None)
    return Plot(title, caption, _html(figure))


def _intervals(found: Sequence[tuple[str, Interval]]) -> str:
    """Plot one point with an interval per row, the first row at the bottom."""
    figure = go.Figure()
    figure.add_vline(x=0, line_color="#444", line_width=1)
    for name, each in found:
        colour = CHANCE if each.is_chance else REAL
        difference = each.difference or 0.0
        figure.add_scatter(
            x=[difference],
            y=[_words(name)],
            mode="markers",
            marker={"size": 9, "color": colour},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [0 if each.high is None else each.high - difference],
                "arrayminus": [0 if each.low is None else difference - each.low],
                "color": colour,
            },
            showlegend=False,
        )
    _finish(figure, "difference of AP", rows=len(found))
    return _html(figure)


def _finish(figure: go.Figure, x_title: str | None, rows: int | None = None, row_height: int = 24) -> None:
    """Apply the common layout; ``rows`` is the number of named rows, or None for a plot without rows."""
    figure.update_layout(
        template="plotly_white",
        height=380 if rows is None else 130 + row_height * max(rows, 2),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={
            "orientation": "h",
            "y": -0.25 if rows is None else 1.02,
            "yanchor": "top" if rows is None else "bottom",
        },
    )
    if rows is None:
        figure.update_yaxes(title="AP", rangemode="tozero")
    else:
        figure.update_xaxes(title=x_title)
        figure.update_yaxes(type="category", automargin=True)


def _words(name: str) -> str:
    """Escape a name, because Plotly interprets some HTML tags."""
    return html.escape(name)


def _html(figure: go.Figure) -> str:
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG))
