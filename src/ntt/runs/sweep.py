"""Sweep directory: record of the command, lock and failed jobs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from ntt.errors import InputError
from ntt.runs.resume import command_of, typed_overrides
from ntt.runs.run_directory import LOCK, METRICS, SWEEP_KIND, failure_of, refuse_others, write_record

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

BAD_INPUT = 2
OVERRIDES = "overrides.yaml"  # Hydra writes it to the directory of each job


class _Begun(NamedTuple):
    """A sweep of this process: the lock of its directory, and the result files of its jobs."""

    lock: FileLock
    results: tuple[str, ...]


# Not an attribute of the callback: Hydra does not expose it, and launchers pickle it for job processes.
_begun: dict[Path, _Begun] = {}


class SweepFolder(Callback):
    """Lock the directory of a sweep and record its command.

    Args:
        results: File names, at least one of which a successful job writes.
    """

    def __init__(self, results: Sequence[str] = (METRICS,)) -> None:
        self.results = tuple(results)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Lock the directory before the first job; exit if another sweep uses it."""
        folder = Path(config.hydra.sweep.dir)
        try:
            refuse_others(folder, SWEEP_KIND)
        except InputError as error:
            _refuse(str(error))
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            _refuse(f"{folder} is in use by another sweep; wait or choose another output directory")
        _begun[folder] = _Begun(lock, self.results)
        self._record(config, complete=False)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Record whether all jobs have finished: the same command then begins a new sweep."""
        self._record(config, complete=not failed_jobs())

    def _record(self, config: DictConfig, complete: bool) -> None:
        command = command_of(typed_overrides(config.hydra), config.hydra.job.config_name)
        write_record(Path(config.hydra.sweep.dir), SWEEP_KIND, command, complete=complete)


def _refuse(reason: str) -> NoReturn:
    """Print the reason and exit, because Hydra only warns about errors in callbacks."""
    print(reason, file=sys.stderr)
    sys.exit(BAD_INPUT)


def in_sweep() -> bool:
    """Whether this process runs a sweep job."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def refuse_processes(trainer: Trainer) -> None:
    """Refuse to start processes in a sweep job, because Lightning would repeat the command of the sweep.

    Raises:
        InputError: The run is a sweep job and the trainer starts several processes itself.
    """
    if in_sweep() and trainer.world_size > 1 and trainer.strategy.launcher is not None:
        raise InputError(
            f"trainer.devices: a sweep job cannot start {trainer.world_size} processes; use one device per "
            "job (hydra/launcher=local_parallel) or run the commands one by one"
        )


def sweeps_begun() -> list[Path]:
    """Directories of the sweeps that this process started."""
    return list(_begun)


def failed_jobs() -> dict[str, str]:
    """Failed jobs of the sweeps of this process, with the reasons."""
    reasons = {
        job.name: failure_of(job, begun.results)
        for folder, begun in _begun.items()
        for job in job_folders(folder)
    }
    return {name: reason for name, reason in reasons.items() if reason is not None}


def job_folders(folder: Path) -> list[Path]:
    """Directories of the jobs of a sweep, in starting order."""
    return sorted((file.parent for file in folder.glob(f"*/{OVERRIDES}")), key=_job_number)


def _job_number(job: Path) -> tuple[int, str]:
    number, _, rest = job.name.partition("_")
    return (int(number), rest) if number.isdigit() else (0, job.name)
