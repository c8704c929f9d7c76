"""Archives from public addresses."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ntt.downloads import Source, fetch
from ntt.errors import InputError
from ntt.files import whole_file
from ntt.preparation.base import Need

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError)


class Archive(Need):
    """A zip or tar archive, fetched and unpacked.

    What was interrupted goes on where it was: a download at its last byte, unpacking at its last file. An
    archive that is there already is not fetched; once unpacked, it is removed.

    Args:
        url: where it is.
        size: its bytes.
        into: where it is unpacked, and where it lies before.
        holds: what is unpacked of it: files, with the number 1, and folders with how many files are in them
            afterwards; relative to ``into``, and as the archive calls them.
    """

    def __init__(self, url: str, size: int, into: str | Path, holds: Mapping[str, int]) -> None:
        self.url = url
        self.size = size
        self.into = Path(into)
        self.holds = dict(holds)

    def lacking(self) -> list[str]:
        """See the base class."""
        lines = []
        for name, expected in self.holds.items():
            path = self.into / name
            # A dot marks what is not whole.
            inside = [each for each in path.iterdir() if each.name[0] != "."] if path.is_dir() else []
            found = len(inside) if expected > 1 else int(path.is_file())
            if found < expected:
                what = f"{found} of {expected} files" if expected > 1 else "is not there"
                lines.append(f"{path}: {what}")
        return lines

    def provide(self) -> None:
        """See the base class."""
        archive = self.into / self.url.rpartition("/")[2]
        if not archive.exists():
            fetch(Source(self.url, self.url, size=self.size), archive)
        print(f"Unpacking {archive}")
        try:
            self._unpack(archive)
        except DAMAGED as error:
            raise InputError(f"{archive}: is damaged ({error}); remove it to have it fetched anew") from error
        except OSError as error:
            raise InputError(f"{archive}: cannot be unpacked ({error.strerror}); make room for it") from error
        archive.unlink()
        if lacking := self.lacking():
            raise InputError(f"{lacking[0]}, although {self.url} was unpacked; has it changed?")

    def _unpack(self, archive: Path) -> None:
        """Unpack what is not there yet; each file appears under its name only when whole."""
        with closing(_members(archive)) as members:
            for name, size, content in members:
                target = self.into / name
                if self._wants(name) and not (target.is_file() and target.stat().st_size == size):
                    with whole_file(target) as temporary, temporary.open("wb") as file:
                        shutil.copyfileobj(content, file)

    def _wants(self, name: str) -> bool:
        path, windows = PurePosixPath(name), PureWindowsPath(name)
        if path.is_absolute() or windows.drive or windows.root or ".." in windows.parts:
            raise InputError(f"{self.url}: {name} leads out of {self.into}; nothing of it is trusted")
        return any(path == PurePosixPath(held) or PurePosixPath(held) in path.parents for held in self.holds)


def _members(archive: Path) -> Generator[tuple[str, int, IO[bytes]]]:
    """Name, bytes and content of each file; to read a zip's content to the end verifies it."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if not info.is_dir():
                    with opened.open(info) as content:
                        yield info.filename, info.file_size, content
    else:
        with tarfile.open(archive) as opened_tar:
            for member in opened_tar:
                extracted = opened_tar.extractfile(member) if member.isreg() else None  # no link, no folder
                if extracted is not None:
                    yield member.name, member.size, extracted
