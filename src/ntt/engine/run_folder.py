"""The folder of one run: whose it is, how far the run has come, and how it ended."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from ntt.engine.journal import Journal, Memo
from ntt.engine.processes import process_rank
from ntt.errors import InputError
from ntt.files import UNFINISHED, write_json

logger = logging.getLogger(__name__)
RUN, METRICS, FAILURE, PROGRESS, LOCK = "run.json", "metrics.json", "failure.json", "progress", ".lock"
PREDICTIONS = "predictions.json"
RUN_KIND, SWEEP_KIND = "run", "sweep"


class RunFolder:
    """A folder that one run has for itself while it is used as a context.

    ``run.json`` says what was asked for, ``progress/`` holds the results so far until the run is finished,
    which is when there is ``metrics.json``.

    Args:
        path: the folder.
        identity: of :func:`ntt.engine.identity.run_identity`.
        command: the words that asked for the run, so that the same command finds it again.
        resume: go on with what is there of the same run; False begins anew.

    Attributes:
        rank: number of this process among those of the run; 0 does what only one may do.
    """

    def __init__(self, path: Path, identity: str, command: Sequence[str], resume: bool) -> None:
        self.path = path
        self.identity = identity
        self.command = list(command)
        self.resume = resume
        self.rank = process_rank()
        self._lock = FileLock(path / LOCK)

    def __enter__(self) -> Self:
        """Take possession; what is there of another run is no longer in force.

        Raises:
            InputError: another process is at work in the folder, or it holds files that are not of a run.
        """
        if self.rank:
            return self
        refuse_others(self.path, RUN_KIND)
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise InputError(
                f"{self.path}: another process is at work here; wait, or name another folder"
            ) from None
        held = read_record(self.path)
        for file in self.path.rglob(f".*.{UNFINISHED}*"):  # what a killed process was writing
            file.unlink(missing_ok=True)
        if not (self.resume and held.get("identity") == self.identity):
            if held.get("identity") not in (None, self.identity):
                logger.warning("%s holds another run, which is replaced", self.path)
            for name in (METRICS, PREDICTIONS):
                (self.path / name).unlink(missing_ok=True)
            shutil.rmtree(self.path / PROGRESS, ignore_errors=True)
        (self.path / FAILURE).unlink(missing_ok=True)
        write_record(self.path, RUN_KIND, self.command, self.identity)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return is_finished(self.path)

    def metrics(self) -> dict[str, Any]:
        """What the finished run found."""
        content: dict[str, Any] = json.loads((self.path / METRICS).read_text())
        return content

    def journal(self, name: str) -> Journal:
        """Where the results of a stage are kept as they come."""
        return Journal(self.path / PROGRESS, name, self.rank)

    def require_data(self, digest: str) -> None:
        """Begin anew if the results so far are of other data than these.

        Args:
            digest: of :func:`ntt.engine.identity.data_digest`.
        """
        if self.rank:
            return
        file = self.path / PROGRESS / "data.json"
        if file.is_file() and json.loads(file.read_text()) != digest:
            logger.warning("%s: references or images are others than before; it begins anew", self.path)
            shutil.rmtree(self.path / PROGRESS)
        write_json(file, digest)

    def memo(self, name: str) -> Memo:
        """Results of a stage so far, by number; keeps new ones."""
        return self.journal(name).memo()

    def finish(self, metrics: Any) -> None:
        """Write ``metrics.json``; what was kept in case of a crash goes."""
        write_json(self.path / METRICS, metrics)
        shutil.rmtree(self.path / PROGRESS, ignore_errors=True)


def refuse_others(folder: Path, kind: str) -> None:
    """Stop before anything is replaced that is not ours to replace.

    Args:
        folder: that was named; it need not exist.
        kind: what is to work there, ``RUN_KIND`` or ``SWEEP_KIND``.

    Raises:
        InputError: the folder is of the other kind, or holds files that no run has left.
    """
    held = read_record(folder)
    if held.get("kind", kind) != kind:
        raise InputError(f"{folder}: holds a {held['kind']}, and this is a {kind}; name another folder")
    foreign = [name for name in (METRICS, PROGRESS) if (folder / name).exists()]
    if foreign and not held:
        raise InputError(
            f"{folder}: {foreign[0]} is here and no {RUN}, so it is not of a run; name another folder"
        )


def is_finished(folder: Path) -> bool:
    """Whether the run in a folder is finished."""
    return (folder / METRICS).is_file()


def write_record(folder: Path, kind: str, command: Sequence[str], identity: str | None = None) -> None:
    """Write what was asked for, and from where, into a folder.

    Args:
        folder: of a run or a sweep.
        kind: ``RUN_KIND`` or ``SWEEP_KIND``.
        command: of ``command_of``.
        identity: of a run.
    """
    here = str(Path.cwd())
    record = {"kind": kind, "command": list(command), "working_directory": here, "identity": identity}
    write_json(folder / RUN, record)


def read_record(folder: Path) -> dict[str, Any]:
    """What was asked for in a folder; empty where that is not known."""
    try:
        content = json.loads((folder / RUN).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def in_use(folder: Path) -> bool:
    """Whether another process is at work in a folder."""
    try:
        with FileLock(folder / LOCK).acquire(blocking=False):
            return False
    except Timeout:
        return True


def failure_of(folder: Path, results: Sequence[str] = (METRICS,)) -> str | None:
    """Why the run in a folder failed or has no results; None if it has.

    Args:
        folder: of the run.
        results: names of files of which a finished run leaves one.
    """
    try:  # which is there only as long as the run was not tried again
        return str(json.loads((folder / FAILURE).read_text())["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        done = any((folder / name).is_file() for name in results)
        return None if done else f"it left no {' or '.join(results)}; its log may say why"


def write_failure(folder: Path, reason: str) -> None:
    """Say why there will be no ``metrics.json``."""
    write_json(folder / FAILURE, {"reason": reason})
