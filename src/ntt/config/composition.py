"""Compose ``conf/``, and locate it, the embedded data and models, and the user's files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase
from omegaconf import DictConfig

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parent.parent
INSTALLED = (_PACKAGE / "conf").is_dir()  # a wheel contains conf/ inside the package, a checkout beside src/
EMBEDDED = _PACKAGE if INSTALLED else _CHECKOUT  # contains conf, checkpoints/nano and data/emoji
CONF = EMBEDDED / "conf"


def user_root() -> Path:
    """Return the root of the user's data, checkpoints and runs: the checkout, or the working directory."""
    return Path.cwd() if INSTALLED else _CHECKOUT


def announce() -> None:
    """Set both locations as environment variables for ``conf/paths``, which sweep processes inherit.

    Existing variables are kept.
    """
    os.environ.setdefault("PROJECT_ROOT", str(user_root()))
    os.environ.setdefault("NTT_EMBEDDED", str(EMBEDDED))


def compose_config(job: str, overrides: Sequence[str]) -> DictConfig:
    """Compose ``conf/<job>.yaml`` without a run directory and without changing Hydra's global state.

    Args:
        job: Name of the config file.
        overrides: Overrides, as on the command line.
    """
    paths = {"paths.root": user_root(), "paths.embedded": EMBEDDED, "paths.output": "null"}
    places = [f"{key}={_quoted(str(place))}" for key, place in paths.items()]
    with _hydra_set_aside(), initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(job, [*places, *overrides])


@contextmanager
def _hydra_set_aside() -> Iterator[None]:
    """Clear and restore Hydra's global state: the caller may use Hydra, which cannot be initialized twice."""
    state, version = GlobalHydra.instance(), VersionBase.instance()
    before = state.hydra, version.version_base
    state.clear()
    try:
        yield
    finally:
        # Look the instances up again, because initialize_config_dir replaces the state by a copy on exit.
        GlobalHydra.instance().hydra, VersionBase.instance().version_base = before


def _quoted(text: str) -> str:
    return text if text == "null" else "'" + text.replace("'", r"\'") + "'"
