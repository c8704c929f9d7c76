"""What a sweep is asked for, which of its jobs failed, and that nobody else works in its folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ntt.engine.run_folder import LOCK, write_record
from ntt.engine.same_command import command_of

BAD_INPUT = 2
# Not in the callback: Hydra makes it and hands nothing back, and launchers send it to the processes of jobs.
_begun: dict[Path, FileLock] = {}


class SweepFolder(Callback):
    """Keeps the sweep's folder for itself, and notes there what the sweep is."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Before the first job; ends the command where another sweep is at work in the folder."""
        folder = Path(config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            print(f"{folder}: another sweep is at work here; wait, or name another folder", file=sys.stderr)
            sys.exit(BAD_INPUT)  # an error would only be a warning to Hydra
        _begun[folder] = lock
        write_record(folder, command_of(list(config.hydra.overrides.task), config.hydra.job.config_name))


def sweeps_begun() -> list[Path]:
    """Folders of the sweeps that this process began."""
    return list(_begun)


def failed_jobs() -> dict[str, str]:
    """Their jobs that left no ``metrics.json``, with the reason of each."""
    if not _begun:
        return {}
    from ntt.reporting.runs import read_runs  # brings torch, which --help must not wait for

    runs = [run for folder in _begun if any(folder.glob("*/overrides.yaml")) for run in read_runs(folder)]
    return {run.folder.name: run.failure for run in runs if run.failure is not None}
