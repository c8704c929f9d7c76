"""Run the embedded benchmark for the encoder options and write the table into docs/encoders.md.

    python scripts/measure_encoder_options.py                  # all rows
    python scripts/measure_encoder_options.py dataset.limit=8  # with further words of the main job, to try it

Every row is one run of the main job; the table names the words that repeat it. Settings are chosen on
``dataset=emoji_validation``, never by this table.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "encoders.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

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
    """Measure every row, then rewrite the document's table."""
    lines = ["| `python train.py ...` | segm AP | segm AP50 | bbox AP |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for number, row in enumerate(ROWS):
            metrics = run([*row.split(), *further], Path(folder) / str(number))
            segm, bbox = metrics["segm"], metrics["bbox"]
            numbers = [_percent(value) for value in (segm["AP"], segm["AP50"], bbox["AP"])]
            lines.append(f"| `{row}` | {' | '.join(numbers)} |")
            print(lines[-1], flush=True)
    if further:
        lines.append(f"\nMeasured with `{' '.join(further)}`.")
    DOCUMENT.write_text(replace_table(DOCUMENT.read_text(), "\n".join(lines)))


def run(words: list[str], folder: Path) -> dict[str, Any]:
    """The metrics of one run of the main job."""
    command = [sys.executable, str(ROOT / "train.py"), "callbacks=predictions", *words]
    subprocess.run([*command, f"hydra.run.dir={folder}"], check=True, stdout=subprocess.DEVNULL)
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return metrics


def replace_table(text: str, table: str) -> str:
    """The document with another table between its two marks."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


if __name__ == "__main__":
    main(sys.argv[1:])
