"""A GPU for each of the jobs that run side by side on one machine."""

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

VISIBLE = "CUDA_VISIBLE_DEVICES"


class OwnDevice(Callback):
    """Shows each process of a sweep one GPU, in turn if processes outnumber them; without GPUs does nothing.

    By process and not by job: CUDA, once started, keeps its device, and a process does several jobs.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Count the GPUs once, in the process that starts the others."""
        self.devices = visible_devices()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Choose the GPU before the job starts CUDA."""
        if self.devices:
            lock = own_lock(Path(config.hydra.sweep.dir) / ".processes")
            device = self.devices[int(Path(lock.lock_file).name) % len(self.devices)]
            os.environ[VISIBLE] = device
            logging.getLogger(__name__).info("This job's GPU: %s", device)


def visible_devices() -> list[str]:
    """The GPUs of this machine, or those of them that ``CUDA_VISIBLE_DEVICES`` leaves."""
    chosen = os.environ.get(VISIBLE)
    if chosen is not None:
        return [device for device in chosen.split(",") if device]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


@cache  # kept, and so locked, until the process ends, however it ends
def own_lock(folder: Path) -> FileLock:
    """A locked file of ``folder``, named by the first number that no living process has."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        lock = FileLock(folder / str(number))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return lock
    raise AssertionError("numbers do not end")
