"""Download published weights to the paths in the configs.

    python scripts/download_checkpoints.py encoder=dinov3_large segmenter=sam2.1_large
    python scripts/download_checkpoints.py encoder=dinov2_small,dinov2_base checkpoints=/data/checkpoints

DINOv2 and SAM 2 come from Meta's public addresses, DINOv3 from timm's open copies on the Hugging Face hub.
Meta's own DINOv3 files require a form; pass the address from Meta's e-mail:

    python scripts/download_checkpoints.py encoder=dinov3_large url='ADDRESS'
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
from huggingface_hub.errors import GatedRepoError
from omegaconf import OmegaConf

from ntt.data.download import transfer as downloads
from ntt.data.download.transfer import Source, UnreachableError
from ntt.encoders.checkpoints import look_up
from ntt.encoders.configs import DINOV2_CONFIGS, DINOV3_CONFIGS
from ntt.encoders.hub import release_of
from ntt.encoders.weights import hub_file
from ntt.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("encoder", "segmenter")
USAGE = "usage: python scripts/download_checkpoints.py encoder=NAME[,NAME] segmenter=NAME[,NAME]"
META = "https://dl.fbaipublicfiles.com"
HUB = "hf://"

# Addresses of each file, in order of preference.
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


@dataclass(frozen=True)
class Download:
    """Source and destination of one file."""

    address: str
    destination: Path

    @property
    def page(self) -> str:
        """Address to show to a user."""
        if not self.address.startswith(HUB):
            return self.address
        return hf_hub_url(self.address.removeprefix(HUB), "model.safetensors")


def main(arguments: list[str]) -> int:
    """Download the weights selected by ``group=name,name`` arguments.

    Returns:
        Exit code: 2 after an error that the user can fix.
    """
    try:
        for alternatives in plan(arguments):
            fetch_first(alternatives)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def plan(arguments: list[str]) -> list[list[Download]]:
    """Return the selected files, each with its possible sources.

    Raises:
        InputError: An argument or name is unknown, or the weights cannot be downloaded.
    """
    options = dict(argument.partition("=")[::2] for argument in arguments)
    unknown = [
        name for name, value in options.items() if name not in (*GROUPS, "checkpoints", "url") or not value
    ]
    if unknown or not options.keys() & set(GROUPS):
        raise InputError(USAGE + "".join(f"; unknown argument: {name}" for name in unknown))
    checkpoints = Path(options.get("checkpoints", ROOT / "checkpoints")).expanduser()
    return [
        locate(group, name, checkpoints, options.get("url"))
        for group in GROUPS
        for name in options.get(group, "").split(",")
        if name
    ]


def locate(group: str, name: str, checkpoints: Path, url: str | None = None) -> list[Download]:
    """Return the sources and destinations of the weights of ``conf/GROUP/NAME.yaml``, in order of preference.

    Raises:
        InputError: The name is unknown, or the weights cannot be downloaded.
    """
    files = {path.stem: path for path in sorted((ROOT / "conf" / group).glob("*.yaml"))}
    config = OmegaConf.create({"paths": {"checkpoints": str(checkpoints), "embedded": str(ROOT)}})
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
    return "its weights are in this repository, in a package, or downloaded by the first run"


def fetch_first(alternatives: Sequence[Download]) -> None:
    """Download a file from the first address that provides it, unless it exists.

    Raises:
        InputError: No address provides it; the message gives the reason for each.
    """
    for download in alternatives:
        if download.destination.exists():
            print(f"{download.destination} already exists")
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
    """Download and verify one file.

    Raises:
        UnreachableError: There is no connection.
        InputError: The server refuses, or the checksum is wrong.
    """
    try:
        source = find_source(download)
    except GatedRepoError as error:
        page = f"https://huggingface.co/{download.address.removeprefix(HUB)}"
        raise InputError(f"{page} is gated: request access there, then run hf auth login") from error
    except (OSError, HTTPException, ValueError) as error:  # raised by the hub's client
        raise downloads.failure(download.page, download.destination, error) from error
    downloads.fetch(source, download.destination)


def find_source(download: Download) -> Source:
    """Look up a file on the hub; return other addresses unchanged."""
    if not download.address.startswith(HUB):
        # The names of Meta's DINOv3 files contain the start of their SHA-256.
        named = re.search(r"-([0-9a-f]{8})\.pth$", download.destination.name)
        return Source(download.address, download.address, named.group(1) if named else "")
    metadata = get_hf_file_metadata(download.page)
    etag = metadata.etag or ""
    sha256 = etag if re.fullmatch(r"[0-9a-f]{64}", etag) else ""
    token = get_token() if metadata.location == download.page else None
    return Source(metadata.location, download.page, sha256, token)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
