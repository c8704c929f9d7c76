"""Build the W&B workspace that compares the DINOv2 and DINOv3 runs of a project.

    python scripts/wandb_dashboard.py ENTITY/PROJECT
    python scripts/wandb_dashboard.py ENTITY/PROJECT --offline-spec dashboard.json   # no network, no login

The first form also logs a run with tables that join several runs: the difference of each class, and the ten
images with the largest disagreement between the families. See docs/wandb.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ntt.engine.command import exit_on_bad_input
from ntt.errors import InputError


def main() -> None:
    """Write the specification, or build the dashboard on W&B."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", metavar="ENTITY/PROJECT")
    parser.add_argument(
        "--offline-spec", type=Path, metavar="FILE", help="write the workspace to this file and stop"
    )
    options = parser.parse_args()
    entity, _, project = options.path.partition("/")
    if not entity or not project or "/" in project:
        raise InputError(f"{options.path!r} is not a project of W&B; use ENTITY/PROJECT")
    if options.offline_spec:
        write(entity, project, options.offline_spec)
    else:
        publish(entity, project)


def write(entity: str, project: str, file: Path) -> None:
    """Write the specification to a file."""
    from ntt.io import write_json
    from ntt.reporting.wandb_dashboard import dashboard, specification

    write_json(file, specification(dashboard(entity, project)))
    print(f"Written: {file}")


def publish(entity: str, project: str) -> None:
    """Log the comparison as a run, and save the workspace."""
    import wandb

    from ntt.reporting.wandb_comparison import COMPARISON, fetch_runs, log_comparison, pairs
    from ntt.reporting.wandb_dashboard import dashboard
    from ntt.reporting.wandb_logger import require_login

    require_login("online")
    runs = fetch_runs(f"{entity}/{project}")
    compared = pairs(runs)
    print(f"{len(runs)} runs, {len(compared)} settings in both families")
    if compared:
        settings = {"entity": entity, "project": project, "job_type": COMPARISON}
        with wandb.init(name=COMPARISON, config={"family": COMPARISON}, **settings) as run:
            log_comparison(run, compared)
    print(f"Dashboard: {dashboard(entity, project, runs).save().url}")


if __name__ == "__main__":
    with exit_on_bad_input():
        main()
