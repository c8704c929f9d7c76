"""Whether this run shares the segmenter's answers with others."""

from __future__ import annotations

from hydra.utils import instantiate
from omegaconf import DictConfig

from ntt.engine.sweep import in_sweep
from ntt.errors import InputError
from ntt.segmenters.sharing import SharedAnswers

WHEN = ("sweep", "always", "never")


def shared_answers(cfg: DictConfig) -> SharedAnswers | None:
    """The store that ``cache`` asks for, opened; None where nothing is to be shared.

    Raises:
        InputError: ``cache.when`` is none of ``WHEN``.
    """
    if cfg.cache.when not in WHEN:
        raise InputError(f"cache.when={cfg.cache.when} is unknown; choose one of {', '.join(WHEN)}")
    if cfg.cache.when == "never" or (cfg.cache.when == "sweep" and not in_sweep()):
        return None
    return SharedAnswers(instantiate(cfg.cache.store))
