"""Resumable downloads of large files, which get their final name only when they are complete."""

from __future__ import annotations

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
from ntt.io import file_sha256

ATTEMPTS = 5  # consecutive attempts without progress before giving up
PAUSE = 2.0  # seconds between attempts
BLOCK = 1 << 20


class UnreachableError(InputError):
    """The network or the server is unreachable; other addresses are unlikely to work."""


@dataclass(frozen=True)
class Source:
    """Address of a file with its known properties.

    Attributes:
        url: Download address.
        page: Address to show to users.
        sha256: SHA-256 of the file, or the first digits of it; empty if unknown.
        token: Hugging Face token for gated files.
        size: Size in bytes; None if unknown.
    """

    url: str
    page: str
    sha256: str = ""
    token: str | None = None
    size: int | None = None


def fetch(source: Source, destination: Path) -> None:
    """Download one file; it gets its final name only when it is complete and verified.

    An interrupted download resumes, in this call or in a later one.

    Raises:
        UnreachableError: The server is unreachable.
        InputError: The server refuses the request, or the file is not the expected one.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(destination)
    try:
        _transfer(source, part)
    except (OSError, HTTPException, ValueError) as error:  # errors of urllib
        raise failure(source.page, destination, error) from error
    _verify(source, part, destination.name)
    part.replace(destination)
    print(f"Saved {destination}")


def part_of(destination: Path) -> Path:
    """Return the path of the partial download of a file, from which a later call resumes."""
    return destination.with_name(f".{destination.name}.part")


def failure(page: str, destination: Path, error: Exception) -> InputError:
    """Return the error for a failed download, with instructions for machines without network access."""
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    kept = _size(part_of(destination))
    again = f"{kept / 1e6:.1f} MB are kept: run the same command again to resume; or " if kept else ""
    message = (
        f"Could not download {page} ({why}); {again}download it on a machine with network access, "
        f"copy it to {destination}, and run the same command again"
    )
    status = getattr(getattr(error, "response", None), "status_code", getattr(error, "code", None))
    return InputError(message) if isinstance(status, int) else UnreachableError(message)


def _transfer(source: Source, part: Path) -> None:
    """Complete ``part``, retrying as long as there is progress."""
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
                if error.code < 500:  # a client error is permanent
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
    """Request the missing bytes once and append them.

    Raises:
        OSError: The response is shorter than announced.
    """
    have = _size(part)
    request = Request(source.url, headers={"Range": f"bytes={have}-"} if have else {})
    if source.token:
        request.add_unredirected_header("Authorization", f"Bearer {source.token}")
    try:
        response = urlopen(request, timeout=30)
    except HTTPError as error:
        if error.code != 416:  # 416: the file has no bytes after the existing ones
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return
        part.unlink()  # longer than the file, so it belongs to another file
        raise OSError("the partial download does not belong to this file") from error
    with response:
        start = _start(response.headers) if have else 0
        if start not in (0, have):
            raise OSError(f"requested bytes from {have}, but the server sent bytes from {start}")
        total = start + int(response.headers.get("Content-Length") or 0)
        progress.update(bar, completed=start, total=total or None)
        with part.open("ab" if start else "wb") as file:
            _copy(response, file, progress, bar)
    if total and _size(part) != total:
        raise OSError(f"received only {_size(part)} of {total} bytes")


def _start(headers: Message) -> int:
    """Return the first byte position of a response; 0 if the server does not support ranges."""
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
        problem = f"expected {source.size} bytes, got {_size(part)}"
    elif source.sha256:
        actual = file_sha256(part)
        if not actual.startswith(source.sha256):
            problem = f"expected a SHA-256 starting with {source.sha256[:8]}, got {actual[:8]}"
    if problem:
        part.unlink()
        raise InputError(f"{source.page} is not {name}: {problem}; nothing was saved")
