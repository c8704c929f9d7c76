"""Building a model by the names in ``conf/``."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from ntt.api.few_shot_segmenter import FewShotSegmenter
from ntt.composition import composed
from ntt.engine.command import USER_ERRORS
from ntt.engine.config_errors import describe, require_values
from ntt.errors import InputError
from ntt.models import PrototypeMatching
from ntt.refinement import NoRefinement

logger = logging.getLogger(__name__)
AUTO = "auto"


def load(
    encoder: str | None = None,
    segmenter: str | None = None,
    model: str | None = None,
    score_threshold: float | str | None = None,
    device: str | torch.device = AUTO,
    overrides: Sequence[str] = (),
    memory: str | os.PathLike[str] | None = None,
) -> FewShotSegmenter:
    """Build a model, by default the embedded one for photographs, and read its weights.

    Args:
        encoder: a name in ``conf/encoder``, like ``dinov3_large``.
        segmenter: a name in ``conf/segmenter``, like ``sam2.1_large``.
        model: a name in ``conf/model``.
        score_threshold: instances with a lower score are not reported, in [0, 1]; ``auto``, the default,
            calibrates it when references are given.
        device: ``auto`` takes a GPU if there is one.
        overrides: words of ``predict.py``'s command line, such as ``scorer=soft_nearest`` or
            ``encoder.img_size=512``.
        memory: a memory to start with, see :meth:`FewShotSegmenter.load_memory`.

    Raises:
        InputError: an unknown name or word, absent weights, a device that is not there, an unfitting memory.
    """
    choices = {"encoder": encoder, "segmenter": segmenter, "model": model, "score_threshold": score_threshold}
    words = [f"{key}={value}" for key, value in choices.items() if value is not None]
    try:
        cfg = composed("predict", ["references=null", "images=null", *words, *overrides])
        require_values(cfg)
        loaded = build(cfg, device)
    except InputError:
        raise
    except USER_ERRORS as error:
        raise InputError(describe(error)) from error
    return loaded if memory is None else loaded.load_memory(memory)


def build(cfg: DictConfig, device: str | torch.device) -> FewShotSegmenter:
    """The model of a configuration; the caller's random numbers stay as they are.

    Raises:
        InputError: absent weights, or a device that is not there.
    """
    place = _device(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(cfg.seed)
        model: Any = instantiate(cfg.model)
    logger.info("Models: %s", models_line(model))
    return FewShotSegmenter(model.to(place), instantiate(cfg.tracking))


def models_line(model: PrototypeMatching) -> str:
    """Which models run, and what for."""
    parts = [f"{model.encoder.name} compares with the references"]
    if model.proposals.needs_segmenter or model.refiner.needs_segmenter:
        parts.append(f"{model.segmenter.name} outlines objects")
    if not isinstance(model.refiner, NoRefinement):
        parts.append(f"{type(model.refiner).__name__} sharpens the outlines")
    return ", ".join(parts)


def _device(wanted: str | torch.device) -> torch.device:
    if wanted == AUTO:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
        reason = str(error).splitlines()[0]
        raise InputError(f"device={wanted}: {reason}; take auto or cpu") from error
    return device
