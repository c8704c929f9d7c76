"""What a dataset needs on disk and how to obtain it: archives, files derived from others, manual steps."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from ntt.data.download.transfer import Source, fetch
from ntt.data.voc import voc_as_coco
from ntt.errors import InputError
from ntt.io import stream_entries, whole_file, write_json

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError)


class Download(ABC):
    """Files that a dataset requires.

    Attributes:
        size: Download size in bytes.
    """

    size: int = 0

    @abstractmethod
    def missing(self) -> list[str]:
        """Return one line per missing file; empty if all files exist."""

    @abstractmethod
    def provide(self) -> None:
        """Download or make the missing files.

        Raises:
            InputError: The files cannot be provided; the message tells the user how to get them.
        """


class Archive(Download):
    """Zip or tar archive to download and unpack.

    An interrupted download resumes at the last byte, and interrupted unpacking at the last file. An existing
    archive is not downloaded again; it is deleted after unpacking.

    Args:
        url: Address of the archive.
        size: Size in bytes.
        into: Folder for the archive and its unpacked files.
        holds: Files and folders to unpack, relative to ``into`` and named as in the archive, with the
            expected number of files: 1 for a file, the number of files inside for a folder.
    """

    def __init__(self, url: str, size: int, into: str | Path, holds: Mapping[str, int]) -> None:
        self.url = url
        self.size = size
        self.into = Path(into)
        self.holds = dict(holds)

    def missing(self) -> list[str]:
        """See the base class."""
        lines = []
        for name, expected in self.holds.items():
            path = self.into / name
            # Incomplete files have names that start with a dot.
            inside = [each for each in path.iterdir() if each.name[0] != "."] if path.is_dir() else []
            found = len(inside) if expected > 1 else int(path.is_file())
            if found < expected:
                what = f"{found} of {expected} files" if expected > 1 else "missing"
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
            raise InputError(f"{archive} is damaged ({error}); delete it to download it again") from error
        except OSError as error:
            raise InputError(f"{archive} cannot be unpacked ({error.strerror}); free disk space") from error
        archive.unlink()
        if missing := self.missing():
            raise InputError(f"{missing[0]} after unpacking {self.url}; the archive may have changed")

    def _unpack(self, archive: Path) -> None:
        """Unpack missing files; each file gets its final name only when it is complete."""
        with closing(_members(archive)) as members:
            for name, size, content in members:
                target = self.into / name
                if self._wants(name) and not (target.is_file() and target.stat().st_size == size):
                    with whole_file(target) as temporary, temporary.open("wb") as file:
                        shutil.copyfileobj(content, file)

    def _wants(self, name: str) -> bool:
        path, windows = PurePosixPath(name), PureWindowsPath(name)
        if path.is_absolute() or windows.drive or windows.root or ".." in windows.parts:
            raise InputError(f"{self.url}: {name} points outside {self.into}; do not trust this archive")
        return any(path == PurePosixPath(held) or PurePosixPath(held) in path.parents for held in self.holds)


def _members(archive: Path) -> Generator[tuple[str, int, IO[bytes]]]:
    """Yield name, size in bytes and content of each file; reading a zip member to the end verifies it."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if not info.is_dir():
                    with opened.open(info) as content:
                        yield info.filename, info.file_size, content
    else:
        with tarfile.open(archive) as opened_tar:
            for member in opened_tar:
                extracted = (
                    opened_tar.extractfile(member) if member.isreg() else None
                )  # skip links and folders
                if extracted is not None:
                    yield member.name, member.size, extracted


class ByHand(Download):
    """Files from a page that needs manual steps: Google Drive, a form, a licence.

    Args:
        page: Address of the page.
        files: Required files and folders.
    """

    def __init__(self, page: str, files: Sequence[str]) -> None:
        self.page = page
        self.files = [Path(file) for file in files]

    def missing(self) -> list[str]:
        """See the base class."""
        return [f"{file}: missing" for file in self.files if not file.exists()]

    def provide(self) -> None:
        """See the base class."""
        raise InputError(f"{self.missing()[0]}; download it manually from {self.page} to this path")


class DerivedFile(Download):
    """JSON file that is made from other files.

    Args:
        file: File to write.
    """

    def __init__(self, file: str | Path) -> None:
        self.file = Path(file)

    def missing(self) -> list[str]:
        """See the base class."""
        return [] if self.file.is_file() else [f"{self.file}: will be made from the other files"]

    def provide(self) -> None:
        """See the base class."""
        print(f"Making {self.file}")
        write_json(self.file, self.content(), indent=None)

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """Return the content of the file."""


class VocAnnotations(DerivedFile):
    """Image sets of PASCAL VOC in COCO format.

    Args:
        file: File to write.
        devkit: Folder that contains ``VOC2007`` and other years.
        splits: Image set (``trainval``) for each folder of a year.
    """

    def __init__(self, file: str | Path, devkit: str | Path, splits: Mapping[str, str]) -> None:
        super().__init__(file)
        self.devkit = Path(devkit)
        self.splits = dict(splits)

    def content(self) -> dict[str, Any]:
        """See the base class."""
        return voc_as_coco(self.devkit, self.splits)


class LvisMinival(DerivedFile):
    """Images of the LVIS validation set that are in COCO val2017; the others are in train2017.

    Args:
        file: File to write.
        val: Path of ``lvis_v1_val.json``.
    """

    def __init__(self, file: str | Path, val: str | Path) -> None:
        super().__init__(file)
        self.val = Path(val)

    def content(self) -> dict[str, Any]:
        """See the base class."""
        content: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": [], "categories": []}
        for key, entry in stream_entries(self.val):
            if key in content and (key != "images" or "/val2017/" in entry["coco_url"]):
                content[key].append(entry)
        kept = {image["id"] for image in content["images"]}
        content["annotations"] = [each for each in content["annotations"] if each["image_id"] in kept]
        return content
