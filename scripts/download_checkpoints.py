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
import shutil
import sys
import tempfile
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from huggingface_hub import hf_hub_download
from omegaconf import OmegaConf
from rich.progress import wrap_file

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

# Address of each file that a configuration may name.
ADDRESSES: dict[str, str] = {
    **{c.checkpoint: f"{META}/dinov2/{c.folder}/{c.checkpoint}" for c in DINOV2_CONFIGS.values() if c.folder},
    **{c.checkpoint: f"{HUB}{c.rehost}" for c in DINOV3_CONFIGS.values() if c.rehost},
    **{
        f"{release}_hiera_{size}.pt": f"{META}/segment_anything_2/{day}/{release}_hiera_{size}.pt"
        for release, day in (("sam2", "072824"), ("sam2.1", "092824"))
        for size in ("tiny", "small", "base_plus", "large")
    },
}


@dataclass(frozen=True)
class Download:
    """One file to fetch: from where, to where."""

    address: str
    destination: Path

    @property
    def hash_prefix(self) -> str:
        """Start of the SHA-256, which Meta's DINOv3 files carry in their names; empty where unknown."""
        found = re.search(r"-([0-9a-f]{8})\.pth$", self.destination.name)
        return found.group(1) if found else ""


def main(arguments: list[str]) -> int:
    """Fetch what ``group=name,name`` arguments ask for.

    Returns:
        the exit code: 2 where something failed that a user can mend.
    """
    try:
        for download in plan(arguments):
            fetch(download)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def plan(arguments: list[str]) -> list[Download]:
    """The downloads that the arguments ask for.

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


def locate(group: str, name: str, checkpoints: Path, url: str | None = None) -> Download:
    """Where the weights that ``conf/GROUP/NAME.yaml`` names come from and go to.

    Raises:
        InputError: unknown name, or weights that are not for download.
    """
    files = {path.stem: path for path in sorted((ROOT / "conf" / group).glob("*.yaml"))}
    config = OmegaConf.create({"paths": {"checkpoints": str(checkpoints)}})
    config[group] = OmegaConf.load(look_up(group, files, name))
    weights = Path(config[group].weights)
    if url:
        return Download(url, weights)
    if weights.name not in ADDRESSES:
        raise InputError(f"{group}={name} cannot be downloaded: {_reason(name)}")
    address = ADDRESSES[weights.name]
    if address.startswith(HUB):
        weights = weights.with_name(hub_file(address))
    return Download(address, weights)


def _reason(name: str) -> str:
    variant = DINOV3_CONFIGS.get(name)
    if variant and variant.origin == "unreleased":
        return release_of(name, variant).advice
    return "its weights come with this repository or with a package that make setup installs"


def fetch(download: Download) -> None:
    """Fetch one file unless it is there; it appears under its name only when whole and verified.

    Raises:
        InputError: unreachable, cut short, or another file than its name says.
    """
    destination = download.destination
    if destination.exists():
        print(f"{destination} is already there")
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".download-") as folder:
        get = _from_hub if download.address.startswith(HUB) else _from_web
        try:
            part = get(download.address, Path(folder))
        except (OSError, HTTPException, ValueError) as error:  # what urllib and the hub's client raise
            raise InputError(_offline(download, error)) from error
        _verify(part, download)
        part.replace(destination)
    print(f"Saved {destination}")


def _from_web(address: str, folder: Path) -> Path:
    part = folder / "part"
    with urlopen(address, timeout=30) as response, part.open("wb") as file:
        size = int(response.headers.get("Content-Length") or 0)
        with wrap_file(response, size, description=address.rsplit("/", 1)[-1]) as reader:
            shutil.copyfileobj(reader, file, 1 << 20)
    if size and part.stat().st_size != size:
        raise OSError(f"{part.stat().st_size} of {size} bytes arrived")
    return part


def _from_hub(address: str, folder: Path) -> Path:
    return Path(hf_hub_download(address.removeprefix(HUB), "model.safetensors", local_dir=folder))


def _verify(part: Path, download: Download) -> None:
    if not download.hash_prefix:
        return
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(download.hash_prefix):
        raise InputError(
            f"{download.address} is not {download.destination.name}: its SHA-256 starts with {digest[:8]}; "
            "nothing was saved"
        )


def _offline(download: Download, error: Exception) -> str:
    """The next step in words, for a machine without network or a server that refuses."""
    hub_page = f"https://huggingface.co/{download.address.removeprefix(HUB)}/resolve/main/model.safetensors"
    address = hub_page if download.address.startswith(HUB) else download.address
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    return (
        f"Could not fetch {address} ({why}); on a machine with network access download it there, "
        f"copy it to {download.destination}, and run the same job again"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
