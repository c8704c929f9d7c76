"""Run the embedded benchmark for every matching option and write the tables to docs/matching.md.

    python scripts/measure_matching.py                  # all tables
    python scripts/measure_matching.py dataset.limit=8  # with further overrides, as a quick check

Each row is one run of ``train.py``; the table contains the overrides that reproduce it. Choose settings on
``dataset=emoji_validation``, never by these tables.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.documents import percent, run_main_job, write_table
from ntt.reporting.terminal import number

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "matching.md"

FEW_CLASSES = "dataset.classes=[boat,bird,apple,car]"
PRECISION = {
    "segm AP": "segm.AP",
    "segm AP50": "segm.AP50",
    "bbox AP": "bbox.AP",
    "AP with oracle masks": "oracle.true_masks.segm.AP",
}
OPEN_SET = {
    "precision": "open_set.precision",
    "recall": "open_set.recall",
    "no false positive": "open_set.absent_silent",
    "false positives per image": "open_set.absent_instances",
}
COUNTS = {"open_set.absent_instances"}  # the other values are fractions
# Per table: the overrides of its rows, and the key in metrics.json of each column.
TABLES: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "scorers": (
        (
            "scorer=class_mean",
            "scorer=nearest_instance",
            "scorer=soft_nearest",
            "scorer=k_means",
            "scorer=optimal_transport",
            "dataset.negatives=mined",
        ),
        PRECISION,
    ),
    "models": (
        ("model=matching_baseline", "model=matching_baseline_noamg", "model=guided"),
        PRECISION,
    ),
    "open_set": ((FEW_CLASSES, f"{FEW_CLASSES} score_threshold=auto"), OPEN_SET),
}


def main(further: list[str]) -> None:
    """Measure all rows and write each table into the document."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (variants, columns) in TABLES.items():
            lines = [f"| `python train.py ...` | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
            for number, row in enumerate(variants):
                overrides = ["~callbacks.visualizations", *row.split(), *further]
                metrics = run_main_job(ROOT / "train.py", overrides, Path(folder) / f"{name}_{number}")
                numbers = (written(metrics, key) for key in columns.values())
                lines.append(f"| `{row}` | {' | '.join(numbers)} |")
                print(lines[-1], flush=True)
            if further:
                lines.append(f"\nMeasured with `{' '.join(further)}`.")
            write_table(DOCUMENT, name, lines)


def written(metrics: Any, key: str) -> str:
    """Format the value at a dotted key for a table cell."""
    value = look_up(metrics, key)
    return number(value, 1) if key in COUNTS else percent(value)


def look_up(metrics: Any, key: str) -> float | None:
    """Return the value at a dotted key."""
    for part in key.split("."):
        metrics = metrics[part]
    value: float | None = metrics
    return value


if __name__ == "__main__":
    main(sys.argv[1:])
