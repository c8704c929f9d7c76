"""Fetching large files: taken up again where a connection broke, and under their name only when whole."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ntt.errors import InputError

ATTEMPTS = 5  # in a row without a byte more
PAUSE = 2.0  # seconds before another attempt
BLOCK = 1 << 20


class UnreachableError(InputError):
    """No server answers, or it stops answering; another address would fare no better."""


@dataclass(frozen=True)
class Source:
    """Where a server keeps a file, and what is known of it.

    Attributes:
        url: address of the bytes.
        page: address to show to a user.
        sha256: of the whole file or the start of it; empty where unknown.
        token: of the Hugging Face hub, for gated files.
        size: in bytes; None where unknown.
    """

    url: str
    page: str
    sha256: str = ""
    token: str | None = None
    size: int | None = None


def fetch(source: Source, destination: Path) -> None:
    """Fetch one file; it appears under its name only when whole and verified.

    A connection that breaks is taken up again where it broke, in this run or in a later one.

    Raises:
        UnreachableError: no connection.
        InputError: the server refuses, or has another file than was expected.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(destination)
    try:
        _transfer(source, part)
    except (OSError, HTTPException, ValueError) as error:  # what urllib raises
        raise failure(source.page, destination, error) from error
    _verify(source, part, destination.name)
    part.replace(destination)
    print(f"Saved {destination}")


def part_of(destination: Path) -> Path:
    """What has arrived so far of a file; a later run goes on from there."""
    return destination.with_name(f".{destination.name}.part")


def failure(page: str, destination: Path, error: Exception) -> InputError:
    """The next step in words, for a machine without network or a server that refuses."""
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    kept = _size(part_of(destination))
    again = f"{kept / 1e6:.1f} MB are kept: run the same command again to go on; or " if kept else ""
    message = (
        f"Could not fetch {page} ({why}); {again}on a machine with network access download it there, "
        f"copy it to {destination}, and run the same job again"
    )
    status = getattr(getattr(error, "response", None), "status_code", getattr(error, "code", None))
    return InputError(message) if isinstance(status, int) else UnreachableError(message)


def _transfer(source: Source, part: Path) -> None:
    """Bring ``part`` to its whole length, trying again as long as something arrives."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn()) as progress:
        bar = progress.add_task(source.page.rsplit("/", 1)[-1].split("?")[0], total=None)
        failures = 0
        while True:
            before = _size(part)
            try:
                _attempt(source, part, progress, bar)
                return
            except HTTPError as error:
                if error.code < 500:  # the server means it
                    raise
                failures += 1
                if failures >= ATTEMPTS:
                    raise
            except (OSError, HTTPException):
                failures = 0 if _size(part) > before else failures + 1
                if failures >= ATTEMPTS:
                    raise
            time.sleep(PAUSE)


def _attempt(source: Source, part: Path, progress: Progress, bar: TaskID) -> None:
    """One connection: ask for what is missing, and append what comes.

    Raises:
        OSError: less came than was announced.
    """
    have = _size(part)
    request = Request(source.url, headers={"Range": f"bytes={have}-"} if have else {})
    if source.token:
        request.add_unredirected_header("Authorization", f"Bearer {source.token}")
    try:
        response = urlopen(request, timeout=30)
    except HTTPError as error:
        if error.code != 416:  # 416: nothing lies behind what is there
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return
        part.unlink()  # longer than the file: not a part of it
        raise OSError("what was there is not a part of this file") from error
    with response:
        start = _start(response.headers) if have else 0
        if start not in (0, have):
            raise OSError(f"asked for bytes from {have} on, the server sent them from {start} on")
        total = start + int(response.headers.get("Content-Length") or 0)
        progress.update(bar, completed=start, total=total or None)
        with part.open("ab" if start else "wb") as file:
            _copy(response, file, progress, bar)
    if total and _size(part) != total:
        raise OSError(f"{_size(part)} of {total} bytes arrived")


def _start(headers: Message) -> int:
    """Where the bytes of an answer begin; 0 from a server that does not answer ranges."""
    found = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(found.group(1)) if found else 0


def _copy(response: BinaryIO, file: BinaryIO, progress: Progress, bar: TaskID) -> None:
    while block := response.read(BLOCK):
        file.write(block)
        progress.advance(bar, len(block))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _verify(source: Source, part: Path, name: str) -> None:
    problem = ""
    if source.size is not None and _size(part) != source.size:
        problem = f"it has {_size(part)} bytes, not {source.size}"
    elif source.sha256:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not digest.startswith(source.sha256):
            problem = f"its SHA-256 starts with {digest[:8]}, not with {source.sha256[:8]}"
    if problem:
        part.unlink()
        raise InputError(f"{source.page} is not {name}: {problem}; nothing was saved")
