"""Rank of this process in a distributed run."""

from __future__ import annotations

import os

# LOCAL_RANK precedes SLURM_PROCID, because child processes inherit SLURM_PROCID from their parent.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")


def process_rank() -> int:
    """Return the rank of this process in its run from the launcher's environment variables."""
    return int(next((os.environ[key] for key in RANK_VARIABLES if key in os.environ), 0))
