"""What a sweep is asked for, which of its jobs failed, and that nobody else works in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ntt.engine.run_folder import LOCK, write_record
from ntt.engine.same_command import command_of
from ntt.reporting.runs import read_runs

# Hydra makes the callback and calls it; whoever called Hydra gets nothing back from a sweep.
_ended: list[Path] = []
# Not in the callback, which launchers send to the processes of their jobs.
_locks: list[FileLock] = []


class SweepFolder(Callback):
    """Keeps the sweep's folder for itself, and notes there what the sweep is."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Before the first job."""
        folder = Path(config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(blocking=False)
        _locks.append(lock)
        write_record(folder, command_of(list(config.hydra.overrides.task), config.hydra.job.config_name))

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """After the last job."""
        _ended.append(Path(config.hydra.sweep.dir))
        _locks.pop().release()


def failed_jobs() -> dict[str, str]:
    """Jobs of the sweep that has just ended without ``metrics.json``, with the reason of each."""
    runs = [run for folder in _ended for run in read_runs(folder)]
    return {run.folder.name: run.failure for run in runs if run.failure is not None}
