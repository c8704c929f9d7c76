"""Rank of this process in a distributed run, and its GPU in a sweep."""

from __future__ import annotations

import itertools
import logging
import os
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

# LOCAL_RANK precedes SLURM_PROCID, because child processes inherit SLURM_PROCID from their parent.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
VISIBLE = "CUDA_VISIBLE_DEVICES"


def process_rank() -> int:
    """Return the rank of this process in its run from the launcher's environment variables."""
    return int(next((os.environ[key] for key in RANK_VARIABLES if key in os.environ), 0))


class GpuAssignment(Callback):
    """Assign one GPU to each process of a sweep, round-robin; without GPUs, do nothing.

    GPUs are assigned by process, not by job: a process runs several jobs, and CUDA keeps its device once it
    is initialized.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """List the GPUs once, in the parent process."""
        self.devices = visible_devices()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Choose the GPU before the job initializes CUDA."""
        if self.devices:
            lock = process_slot(Path(config.hydra.sweep.dir) / ".processes")
            device = self.devices[int(Path(lock.lock_file).name) % len(self.devices)]
            os.environ[VISIBLE] = device
            logging.getLogger(__name__).info("GPU of this job: %s", device)


def visible_devices() -> list[str]:
    """Return the GPUs of this machine, limited to ``CUDA_VISIBLE_DEVICES`` if it is set."""
    chosen = os.environ.get(VISIBLE)
    if chosen is not None:
        return [device for device in chosen.split(",") if device]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


@cache  # keeps the file locked until the process ends
def process_slot(folder: Path) -> FileLock:
    """Lock the file in ``folder`` with the lowest number that no running process holds."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        lock = FileLock(folder / str(number))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return lock
    raise AssertionError("unreachable")
