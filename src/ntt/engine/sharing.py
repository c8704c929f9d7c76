"""Proposal cache that a run shares with other runs."""

from __future__ import annotations

from hydra.utils import instantiate
from omegaconf import DictConfig

from ntt.engine.sweep import in_sweep
from ntt.errors import InputError
from ntt.segmenters.sharing import SharedAnswers

WHEN = ("sweep", "always", "never")


def shared_answers(cfg: DictConfig) -> SharedAnswers | None:
    """Open the proposal cache that the ``cache`` config describes; None if this run does not use a cache.

    Raises:
        InputError: ``cache.when`` is not one of ``WHEN``.
    """
    if cfg.cache.when not in WHEN:
        raise InputError(f"cache.when={cfg.cache.when} is unknown; choose one of {', '.join(WHEN)}")
    if cfg.cache.when == "never" or (cfg.cache.when == "sweep" and not in_sweep()):
        return None
    return SharedAnswers(instantiate(cfg.cache.store))
