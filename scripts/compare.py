"""Compare finished runs in a report: report.html and report.md.

    python scripts/compare.py RUN_DIR RUN_DIR ...
    python scripts/compare.py SWEEP_DIR --output comparison
    python scripts/compare.py SWEEP_DIR --baseline SWEEP_DIR/0_dinov2_large

A sweep directory stands for its jobs. Every run is compared with the best one, or with --baseline. All runs
must have the same targets and classes; the data are read from the paths in their config.yaml.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ntt.engine.command import exit_on_bad_input
from ntt.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> None:
    """Write the report.

    Raises:
        InputError: A folder contains no run, or the runs cannot be compared.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folders", metavar="RUN_DIR", nargs="+", type=Path, help="run directory or sweep directory"
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="directory of the report; default: the working directory",
    )
    parser.add_argument("--baseline", metavar="RUN_DIR", type=Path, help="compare all runs with this one")
    chosen = parser.parse_args(arguments)

    # Imported here, so that --help and errors in options are fast.
    from ntt.reporting.report import write_report
    from ntt.runs.finished import read_runs

    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    found = {run.folder: run for folder in chosen.folders for run in read_runs(folder.resolve())}
    runs, baseline = list(found.values()), None
    if chosen.baseline is not None:
        named = found.get(chosen.baseline.resolve())
        if named is None or named.failure is not None:
            raise InputError(f"--baseline {chosen.baseline} must be one of the finished runs given")
        baseline = runs.index(named)
    print(f"Report: {write_report(runs, chosen.output.resolve(), baseline)}")


if __name__ == "__main__":
    with exit_on_bad_input():
        main(sys.argv[1:])
