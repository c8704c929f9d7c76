"""Run the embedded benchmark for the encoder options and write the table to docs/encoders.md.

    python scripts/measure_encoder_options.py                  # all rows
    python scripts/measure_encoder_options.py dataset.limit=8  # with further overrides, as a quick check

Each row is one run of ``train.py``; the table contains the overrides that reproduce it. Choose settings on
``dataset=emoji_validation``, never by this table.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.documents import percent, run_main_job, write_table

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "encoders.md"

ENCODERS = ("dinov3_nano", "dinov2_nano")
OPTIONS = (
    "",
    "encoder.layers=[-2]",
    "encoder.layers=[-1,-2]",
    "encoder.layers=[-1,-2] encoder.merge=concat",
    "encoder.debias.rank=2",
    "encoder.debias.rank=8",
    "encoder.debias.rank=32",
)
ROWS = (
    *(f"encoder={encoder} {option}".strip() for encoder in ENCODERS for option in OPTIONS),
    "encoder=ensemble",
)


def main(further: list[str]) -> None:
    """Measure all rows and write the table into the document."""
    lines = ["| `python train.py ...` | segm AP | segm AP50 | bbox AP |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for number, row in enumerate(ROWS):
            overrides = ["callbacks=predictions", *row.split(), *further]
            metrics = run_main_job(ROOT / "train.py", overrides, Path(folder) / str(number))
            segm, bbox = metrics["segm"], metrics["bbox"]
            numbers = map(percent, (segm["AP"], segm["AP50"], bbox["AP"]))
            lines.append(f"| `{row}` | {' | '.join(numbers)} |")
            print(lines[-1], flush=True)
    if further:
        lines.append(f"\nMeasured with `{' '.join(further)}`.")
    write_table(DOCUMENT, "options", lines)


if __name__ == "__main__":
    main(sys.argv[1:])
