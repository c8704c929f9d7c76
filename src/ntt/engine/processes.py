"""The processes that share a run."""

from __future__ import annotations

import os

# LOCAL_RANK is before SLURM_PROCID, which processes started by one process of a job inherit from it.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")


def process_rank() -> int:
    """Number of this process among those of its run, as launchers tell it."""
    return int(next((os.environ[key] for key in RANK_VARIABLES if key in os.environ), 0))
