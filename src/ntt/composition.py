"""Composing ``conf/`` inside any program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase
from omegaconf import DictConfig

from ntt.locations import CONF, EMBEDDED, user_root


def composed(job: str, words: Sequence[str]) -> DictConfig:
    """The configuration ``conf/<job>.yaml`` without a run folder; Hydra's global state stays as it was.

    Args:
        job: name of the file.
        words: overrides, as on the command line.
    """
    paths = {"paths.root": user_root(), "paths.embedded": EMBEDDED, "paths.output": "null"}
    places = [f"{key}={_quoted(str(place))}" for key, place in paths.items()]
    with _hydra_set_aside(), initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(job, [*places, *words])


@contextmanager
def _hydra_set_aside() -> Iterator[None]:
    """The caller may be a Hydra program, and Hydra refuses to be initialised twice."""
    state, version = GlobalHydra.instance(), VersionBase.instance()
    before = state.hydra, version.version_base
    state.clear()
    try:
        yield
    finally:
        # Looked up again: initialize_config_dir puts a copy in place of the state when it ends.
        GlobalHydra.instance().hydra, VersionBase.instance().version_base = before


def _quoted(text: str) -> str:
    return text if text == "null" else "'" + text.replace("'", r"\'") + "'"
