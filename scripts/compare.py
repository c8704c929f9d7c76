"""Compare finished runs on one page: report.html and report.md.

    python scripts/compare.py RUN_DIR RUN_DIR ...
    python scripts/compare.py SWEEP_DIR --output comparison
    python scripts/compare.py SWEEP_DIR --baseline SWEEP_DIR/0_dinov2_large

The folder of a sweep stands for its jobs. Every run is compared with the best one, or with --baseline. The
runs have to be on the same targets and classes; their data are read where their config.yaml has them.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ntt.engine.command import exit_on_bad_input
from ntt.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


def main(words: list[str]) -> None:
    """Write both files.

    Raises:
        InputError: a folder holds no run, or the runs cannot be compared.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", metavar="RUN_DIR", nargs="+", type=Path, help="of a run, or of a sweep")
    parser.add_argument(
        "--output", metavar="DIR", type=Path, default=Path(), help="for both files; default: here"
    )
    parser.add_argument("--baseline", metavar="RUN_DIR", type=Path, help="compare all with this run")
    chosen = parser.parse_args(words)

    # Imported here, so that --help and misspelt options answer at once.
    from ntt.reporting.report import write_report
    from ntt.reporting.runs import read_runs

    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    found = {run.folder: run for folder in chosen.folders for run in read_runs(folder.resolve())}
    runs, baseline = list(found.values()), None
    if chosen.baseline is not None:
        named = found.get(chosen.baseline.resolve())
        if named is None or named.failure is not None:
            raise InputError(f"--baseline {chosen.baseline}: is no finished run of these; name one of them")
        baseline = runs.index(named)
    print(f"Report: {write_report(runs, chosen.output.resolve(), baseline)}")


if __name__ == "__main__":
    with exit_on_bad_input():
        main(sys.argv[1:])
