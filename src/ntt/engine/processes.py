"""The processes that share a run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from ntt.errors import InputError

if TYPE_CHECKING:
    from lightning import Trainer

# LOCAL_RANK is before SLURM_PROCID, which processes started by one process of a job inherit from it.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")


def process_rank() -> int:
    """Number of this process among those of its run, as launchers tell it."""
    return int(next((os.environ[key] for key in RANK_VARIABLES if key in os.environ), 0))


def refuse_processes_in_sweep(trainer: Trainer) -> None:
    """Stop a job of a sweep that would start processes: Lightning repeats the command, which is the sweep's.

    Raises:
        InputError: the trainer starts processes, and nobody has done so before, and the run is a sweep's.
    """
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if in_sweep and trainer.world_size > 1 and trainer.strategy.launcher is not None:
        raise InputError(
            f"trainer.devices: a job of a sweep cannot start {trainer.world_size} processes; let each have "
            "one device (hydra/launcher=local_parallel), or type the commands one by one"
        )
