"""Fetch published weights to where the configuration looks for them.

    python scripts/download_checkpoints.py encoder=dinov3_large segmenter=sam2.1_large
    python scripts/download_checkpoints.py encoder=dinov2_small,dinov2_base checkpoints=/data/checkpoints

DINOv2 and SAM 2 come from Meta's public addresses, DINOv3 from timm's open re-hosts on the Hugging Face hub.
Meta's own DINOv3 files need a form filled in; with the address from their mail:

    python scripts/download_checkpoints.py encoder=dinov3_large url='ADDRESS'
"""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
from huggingface_hub.errors import GatedRepoError
from omegaconf import OmegaConf
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ntt.encoders.dinov2_configs import DINOV2_CONFIGS
from ntt.encoders.dinov3_configs import DINOV3_CONFIGS
from ntt.encoders.hub import release_of
from ntt.encoders.names import look_up
from ntt.encoders.weights import hub_file
from ntt.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("encoder", "segmenter")
USAGE = "usage: python scripts/download_checkpoints.py encoder=NAME[,NAME] segmenter=NAME[,NAME]"
META = "https://dl.fbaipublicfiles.com"
HUB = "hf://"
ATTEMPTS = 5  # in a row without a byte more
PAUSE = 2.0  # seconds before another attempt
BLOCK = 1 << 20

# Addresses of each file that a configuration may name, the first to be tried first.
ADDRESSES: dict[str, tuple[str, ...]] = {
    **{
        str(config.checkpoint): (f"{META}/dinov2/{config.folder}/{config.checkpoint}",)
        for config in DINOV2_CONFIGS.values()
        if config.folder
    },
    **{
        str(config.checkpoint): tuple(f"{HUB}{repository}" for repository in config.repositories)
        for config in DINOV3_CONFIGS.values()
        if config.repositories
    },
    **{
        f"{release}_hiera_{size}.pt": (f"{META}/segment_anything_2/{day}/{release}_hiera_{size}.pt",)
        for release, day in (("sam2", "072824"), ("sam2.1", "092824"))
        for size in ("tiny", "small", "base_plus", "large")
    },
}


class UnreachableError(InputError):
    """No server answers, or it stops answering; another address would fare no better."""


@dataclass(frozen=True)
class Download:
    """One file to fetch: from where, to where."""

    address: str
    destination: Path

    @property
    def part(self) -> Path:
        """What has arrived so far; a later run goes on from there."""
        return self.destination.with_name(f".{self.destination.name}.part")


@dataclass(frozen=True)
class Source:
    """Where a server keeps a file, and what it says of it.

    Attributes:
        url: address of the bytes.
        page: address to show to a user.
        sha256: of the whole file or the start of it; empty where unknown.
        token: of the Hugging Face hub, for gated files.
    """

    url: str
    page: str
    sha256: str
    token: str | None = None


def main(arguments: list[str]) -> int:
    """Fetch what ``group=name,name`` arguments ask for.

    Returns:
        the exit code: 2 where something failed that a user can mend.
    """
    try:
        for alternatives in plan(arguments):
            fetch_first(alternatives)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def plan(arguments: list[str]) -> list[list[Download]]:
    """The files that the arguments ask for, each with the addresses it may come from.

    Raises:
        InputError: arguments not understood, unknown names, weights that are not for download.
    """
    options = dict(argument.partition("=")[::2] for argument in arguments)
    unknown = [
        name for name, value in options.items() if name not in (*GROUPS, "checkpoints", "url") or not value
    ]
    if unknown or not options.keys() & set(GROUPS):
        raise InputError(USAGE + "".join(f"; not understood: {name}" for name in unknown))
    checkpoints = Path(options.get("checkpoints", ROOT / "checkpoints")).expanduser()
    return [
        locate(group, name, checkpoints, options.get("url"))
        for group in GROUPS
        for name in options.get(group, "").split(",")
        if name
    ]


def locate(group: str, name: str, checkpoints: Path, url: str | None = None) -> list[Download]:
    """Where the weights that ``conf/GROUP/NAME.yaml`` names come from and go to, in order of preference.

    Raises:
        InputError: unknown name, or weights that are not for download.
    """
    files = {path.stem: path for path in sorted((ROOT / "conf" / group).glob("*.yaml"))}
    config = OmegaConf.create({"paths": {"checkpoints": str(checkpoints)}})
    config[group] = OmegaConf.load(look_up(group, files, name))
    weights = Path(config[group].get("weights", ""))
    if url:
        return [Download(url, weights)]
    if weights.name not in ADDRESSES:
        raise InputError(f"{group}={name} cannot be downloaded: {_reason(name)}")
    return [
        Download(address, weights.with_name(hub_file(address)) if address.startswith(HUB) else weights)
        for address in ADDRESSES[weights.name]
    ]


def _reason(name: str) -> str:
    variant = DINOV3_CONFIGS.get(name)
    if variant and variant.origin == "unreleased":
        return release_of(name, variant).advice
    return "its weights come with this repository, with a package, or with a first run"


def fetch_first(alternatives: Sequence[Download]) -> None:
    """Fetch a file from the first address that has it, unless it is there.

    Raises:
        InputError: no address has it; says for each why not.
    """
    for download in alternatives:
        if download.destination.exists():
            print(f"{download.destination} is already there")
            return
    refusals = []
    for download in alternatives:
        try:
            fetch(download)
            return
        except UnreachableError:
            raise
        except InputError as error:
            refusals.append(str(error))
    raise InputError("; ".join(refusals))


def fetch(download: Download) -> None:
    """Fetch one file; it appears under its name only when whole and verified.

    A connection that breaks is taken up again where it broke, in this run or in a later one.

    Raises:
        UnreachableError: no connection.
        InputError: the server refuses, or has another file than its name says.
    """
    download.destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        source = find_source(download)
        transfer(source, download.part)
    except GatedRepoError as error:
        page = f"https://huggingface.co/{download.address.removeprefix(HUB)}"
        raise InputError(f"{page} is gated: ask for access there, then run hf auth login") from error
    except (OSError, HTTPException, ValueError) as error:  # what urllib and the hub's client raise
        raise _failure(download, error) from error
    _verify(download, source)
    download.part.replace(download.destination)
    print(f"Saved {download.destination}")


def find_source(download: Download) -> Source:
    """Ask the hub for a file's whereabouts, or take an address as it is."""
    if not download.address.startswith(HUB):
        # Meta's DINOv3 files carry the start of their SHA-256 in their names.
        named = re.search(r"-([0-9a-f]{8})\.pth$", download.destination.name)
        return Source(download.address, download.address, named.group(1) if named else "")
    page = hf_hub_url(download.address.removeprefix(HUB), "model.safetensors")
    metadata = get_hf_file_metadata(page)
    etag = metadata.etag or ""
    digest = etag if re.fullmatch(r"[0-9a-f]{64}", etag) else ""
    return Source(metadata.location, page, digest, get_token() if metadata.location == page else None)


def transfer(source: Source, part: Path) -> None:
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


def _verify(download: Download, source: Source) -> None:
    if not source.sha256:
        return
    with download.part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(source.sha256):
        download.part.unlink()
        raise InputError(
            f"{source.page} is not {download.destination.name}: its SHA-256 starts with {digest[:8]}, "
            f"not with {source.sha256[:8]}; nothing was saved"
        )


def _failure(download: Download, error: Exception) -> InputError:
    """The next step in words, for a machine without network or a server that refuses."""
    hub = download.address.startswith(HUB)
    repository = download.address.removeprefix(HUB)
    page = hf_hub_url(repository, "model.safetensors") if hub else download.address
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    kept = _size(download.part)
    again = f"{kept / 1e6:.1f} MB are kept: run the same command again to go on; or " if kept else ""
    message = (
        f"Could not fetch {page} ({why}); {again}on a machine with network access download it there, "
        f"copy it to {download.destination}, and run the same job again"
    )
    status = getattr(getattr(error, "response", None), "status_code", getattr(error, "code", None))
    return InputError(message) if isinstance(status, int) else UnreachableError(message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
