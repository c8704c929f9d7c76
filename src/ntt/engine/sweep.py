"""What a sweep is asked for, which of its jobs failed, and that nobody else works in its folder."""

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

from ntt.engine.run_folder import LOCK, METRICS, SWEEP_KIND, failure_of, refuse_others, write_record
from ntt.engine.same_command import command_of, typed_words
from ntt.errors import InputError

if TYPE_CHECKING:
    from lightning import Trainer

BAD_INPUT = 2
OVERRIDES = "overrides.yaml"  # Hydra writes it where a job begins


class _Begun(NamedTuple):
    """A sweep of this process: what keeps its folder, and of which files a finished job leaves one."""

    lock: FileLock
    results: tuple[str, ...]


# Not in the callback: Hydra makes it and hands nothing back, and launchers send it to the processes of jobs.
_begun: dict[Path, _Begun] = {}


class SweepFolder(Callback):
    """Keeps the sweep's folder for itself, and notes there what the sweep is.

    Args:
        results: names of files of which a job that did not fail leaves one.
    """

    def __init__(self, results: Sequence[str] = (METRICS,)) -> None:
        self.results = tuple(results)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Before the first job; ends the command where another sweep is at work in the folder."""
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
            _refuse(f"{folder}: another sweep is at work here; wait, or name another folder")
        _begun[folder] = _Begun(lock, self.results)
        write_record(folder, SWEEP_KIND, command_of(typed_words(config.hydra), config.hydra.job.config_name))


def _refuse(reason: str) -> NoReturn:
    """An error would only be a warning to Hydra."""
    print(reason, file=sys.stderr)
    sys.exit(BAD_INPUT)


def in_sweep() -> bool:
    """Whether this process runs a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def refuse_processes(trainer: Trainer) -> None:
    """Stop a job of a sweep that would start processes: Lightning repeats the command, which is the sweep's.

    Raises:
        InputError: the trainer starts processes, and nobody has done so before, and the run is a sweep's.
    """
    if in_sweep() and trainer.world_size > 1 and trainer.strategy.launcher is not None:
        raise InputError(
            f"trainer.devices: a job of a sweep cannot start {trainer.world_size} processes; let each have "
            "one device (hydra/launcher=local_parallel), or type the commands one by one"
        )


def sweeps_begun() -> list[Path]:
    """Folders of the sweeps that this process began."""
    return list(_begun)


def failed_jobs() -> dict[str, str]:
    """Their jobs that left no results, with the reason of each."""
    reasons = {
        job.name: failure_of(job, begun.results)
        for folder, begun in _begun.items()
        for job in job_folders(folder)
    }
    return {name: reason for name, reason in reasons.items() if reason is not None}


def job_folders(folder: Path) -> list[Path]:
    """The folders of a sweep's jobs, in the order they were started."""
    return sorted((file.parent for file in folder.glob(f"*/{OVERRIDES}")), key=_job_number)


def _job_number(job: Path) -> tuple[int, str]:
    number, _, rest = job.name.partition("_")
    return (int(number), rest) if number.isdigit() else (0, job.name)
