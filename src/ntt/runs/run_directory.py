"""Run directory: fingerprint, progress and results of one run."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from ntt.errors import InputError
from ntt.io import UNFINISHED, write_json
from ntt.runs.fingerprint import difference
from ntt.runs.journal import Journal, Memo
from ntt.runs.processes import process_rank

logger = logging.getLogger(__name__)
RUN, METRICS, FAILURE, PROGRESS, LOCK = "run.json", "metrics.json", "failure.json", "progress", ".lock"
PREDICTIONS = "predictions.json"
RUN_KIND, SWEEP_KIND = "run", "sweep"


class RunFolder:
    """Run directory, locked for one run while it is used as a context manager.

    ``run.json`` records the command and the fingerprint of the run; ``progress/`` holds the results so far
    and is removed when the run finishes and writes ``metrics.json``.

    Args:
        path: Run directory.
        fingerprint: Fingerprint from :func:`ntt.runs.fingerprint.run_fingerprint`.
        command: Command-line overrides, by which the same command finds the run again.
        resume: Continue the same run if it is in the directory; False starts over.

    Attributes:
        rank: Rank of this process in the run; only rank 0 writes shared files.
    """

    def __init__(self, path: Path, fingerprint: str, command: Sequence[str], resume: bool) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.command = list(command)
        self.resume = resume
        self.rank = process_rank()
        self._lock = FileLock(path / LOCK)

    def __enter__(self) -> Self:
        """Lock the directory and delete the results of any other run in it.

        Raises:
            InputError: Another process uses the directory, or it contains files that no run wrote.
        """
        if self.rank:
            return self
        refuse_others(self.path, RUN_KIND)
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise InputError(
                f"{self.path} is in use by another process; wait or choose another output directory"
            ) from None
        held = read_record(self.path)
        for file in self.path.rglob(f".*.{UNFINISHED}*"):  # incomplete files of a killed process
            file.unlink(missing_ok=True)
        earlier = held.get("fingerprint") or held.get("identity")  # identity: key of earlier versions
        if not (self.resume and earlier == self.fingerprint):
            if earlier not in (None, self.fingerprint):
                reason = difference(self.fingerprint, earlier)
                logger.warning("%s: %s changed since the earlier run; starting over", self.path, reason)
            for name in (METRICS, PREDICTIONS):
                (self.path / name).unlink(missing_ok=True)
            shutil.rmtree(self.path / PROGRESS, ignore_errors=True)
        (self.path / FAILURE).unlink(missing_ok=True)
        write_record(self.path, RUN_KIND, self.command, self.fingerprint)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def finished(self) -> bool:
        """Whether the run is finished."""
        return is_finished(self.path)

    def metrics(self) -> dict[str, Any]:
        """Metrics of the finished run."""
        content: dict[str, Any] = json.loads((self.path / METRICS).read_text())
        return content

    def journal(self, name: str) -> Journal:
        """Journal with the results of a stage."""
        return Journal(self.path / PROGRESS, name, self.rank)

    def require_data(self, fingerprint: str) -> None:
        """Delete the results so far if they were computed from other data.

        Args:
            fingerprint: Fingerprint from :func:`ntt.runs.fingerprint.data_fingerprint`.
        """
        if self.rank:
            return
        file = self.path / PROGRESS / "data.json"
        if file.is_file() and json.loads(file.read_text()) != fingerprint:
            logger.warning("%s: references or target images have changed; starting over", self.path)
            shutil.rmtree(self.path / PROGRESS)
        write_json(file, fingerprint)

    def memo(self, name: str) -> Memo:
        """Results of a stage so far, by index; new results are stored."""
        return self.journal(name).memo()

    def finish(self, metrics: Any) -> None:
        """Write ``metrics.json`` and delete ``progress/``."""
        write_json(self.path / METRICS, metrics)
        shutil.rmtree(self.path / PROGRESS, ignore_errors=True)


def refuse_others(folder: Path, kind: str) -> None:
    """Refuse a directory whose contents must not be replaced.

    Args:
        folder: Output directory; it need not exist.
        kind: Kind of the new output, ``RUN_KIND`` or ``SWEEP_KIND``.

    Raises:
        InputError: The directory contains output of the other kind, or files that no run wrote.
    """
    held = read_record(folder)
    if held.get("kind", kind) != kind:
        raise InputError(f"{folder} contains a {held['kind']}, not a {kind}; choose another output directory")
    foreign = [name for name in (METRICS, PROGRESS) if (folder / name).exists()]
    if foreign and not held:
        raise InputError(f"{folder} contains {foreign[0]} but no {RUN}; choose another output directory")


def is_finished(folder: Path) -> bool:
    """Whether the run in a directory is finished."""
    return (folder / METRICS).is_file()


def write_record(
    folder: Path, kind: str, command: Sequence[str], fingerprint: str | None = None, complete: bool = False
) -> None:
    """Write the command and the working directory to ``run.json``.

    Args:
        folder: Directory of a run or a sweep.
        kind: ``RUN_KIND`` or ``SWEEP_KIND``.
        command: Command from ``command_of``.
        fingerprint: Fingerprint of a run.
        complete: Whether it is a sweep of which all jobs have finished.
    """
    here = str(Path.cwd())
    record = {
        "kind": kind,
        "command": list(command),
        "working_directory": here,
        "fingerprint": fingerprint,
        "complete": complete,
    }
    write_json(folder / RUN, record)


def read_record(folder: Path) -> dict[str, Any]:
    """Read ``run.json`` of a directory; empty if it is missing or unreadable."""
    try:
        content = json.loads((folder / RUN).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def in_use(folder: Path) -> bool:
    """Whether another process uses a directory."""
    try:
        with FileLock(folder / LOCK).acquire(blocking=False):
            return False
    except Timeout:
        return True


def failure_of(folder: Path, results: Sequence[str] = (METRICS,)) -> str | None:
    """Return why a run failed or has no results; None if it succeeded.

    Args:
        folder: Run directory.
        results: File names, at least one of which a finished run writes.
    """
    try:  # failure.json is deleted when the run is started again
        return str(json.loads((folder / FAILURE).read_text())["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        done = any((folder / name).is_file() for name in results)
        return None if done else f"no {' or '.join(results)} was written; see the log of the run"


def write_failure(folder: Path, reason: str) -> None:
    """Write the reason of a failure to ``failure.json``."""
    write_json(folder / FAILURE, {"reason": reason})
