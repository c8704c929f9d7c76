"""Report files."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from ntt.evaluation.bootstrap import CONFIDENCE, FEWEST_IMAGES, RESAMPLES
from ntt.io import whole_file
from ntt.reporting.report import tables
from ntt.reporting.report.pairs import Pair, largest_differences
from ntt.reporting.report.plots import plot_of_differences, plots_of_classes, plots_of_runs
from ntt.reporting.report.significance import Significance, evaluate_runs
from ntt.reporting.report.summary import best_first, summary_sentence
from ntt.runs.finished import Run, run_names


def write_report(runs: Sequence[Run], output: Path, baseline: int | None = None) -> Path:
    """Write ``report.html``, which compares runs on one page, and ``report.md`` with its tables.

    Args:
        runs: Runs to compare; failed runs are listed with the reason.
        output: Directory for both files.
        baseline: Position of a finished run that all others are compared with; its images are shown next to
            those of the best other run. None uses the best run and the second best.

    Returns:
        Path of ``report.html``.

    Raises:
        InputError: The runs were evaluated on different targets or classes, or with different protocols.
    """
    content = _content(runs, baseline)
    environment = Environment(
        loader=PackageLoader("ntt.reporting.report", "."),
        autoescape=lambda name: name is not None and "html" in name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = markdown
    for name, extra in {"report.md": {}, "report.html": {"plotly": get_plotlyjs()}}.items():
        page = environment.get_template(f"{name}.jinja").render(**content, **extra)
        with whole_file(output / name) as temporary:
            temporary.write_text(page, encoding="utf-8")
    return output / "report.html"


def markdown(text: str) -> str:
    """Escape a text for a cell of a Markdown table."""
    return re.sub(r"([\\`*\[\]|~])", r"\\\1", html.escape(" ".join(text.split()), quote=False))


def _content(runs: Sequence[Run], baseline: int | None) -> dict[str, Any]:
    """Return the content of both templates."""
    named = list(zip(runs, run_names(runs), strict=True))
    finished = best_first([each for each in named if each[0].failure is None])
    done, names = [run for run, _ in finished], [name for _, name in finished]
    start = 0 if baseline is None else done.index(runs[baseline])
    significance = evaluate_runs(done, names)
    pair = (start, 1 if start == 0 else 0)
    two, classes = len(done) > 1, bool(done and done[0].metrics.get("per_class"))
    notes = list(significance.notes)
    return {
        "title": f"Comparison of {len(runs)} run{'s' if len(runs) > 1 else ''}",
        "summary": summary_sentence(done, names, significance),
        "notes": notes,
        "overall": tables.overall(done, names) if done else None,
        "plots": plots_of_runs(done, names),
        "baseline": names[start] if names else "",
        "differences": tables.differences(names, start, significance),
        "difference_plot": plot_of_differences(names, start, significance),
        "per_class": tables.per_class(done, names, pair, significance) if two and classes else None,
        "class_plots": plots_of_classes(done, names, pair, significance) if two and classes else [],
        "pairs": _pairs(significance, pair, notes),
        "pair_names": [names[position] for position in pair] if two else [],
        "failures": [(name, run.failure) for run, name in named if run.failure is not None],
        "folders": [(name, str(run.folder)) for run, name in named],
        "resamples": RESAMPLES,
        "fewest": FEWEST_IMAGES,
        "percent": round(100 * CONFIDENCE),
    }


def _pairs(significance: Significance, pair: tuple[int, int], notes: list[str]) -> list[Pair]:
    """Return the images on which two runs disagree; add a note if images cannot be read."""
    if not set(pair) <= significance.evaluated.keys():
        return []
    try:
        return largest_differences(*(significance.evaluated[position] for position in pair))
    except Exception as error:  # datasets raise various errors if their images are missing
        notes.append(f"Images are not available: {next(iter(str(error).splitlines()), repr(error))}")
        return []
