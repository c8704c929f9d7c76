"""Loading of a model by the config names in ``conf/``."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from ntt.api.few_shot_segmenter import FewShotSegmenter
from ntt.config.composition import compose_config
from ntt.config.messages import USER_ERRORS, describe, require_values
from ntt.config.schema import check_config
from ntt.errors import InputError
from ntt.models import PrototypeMatching
from ntt.refinement import NoRefinement

logger = logging.getLogger(__name__)
AUTO_DEVICE = "auto"


def load(
    encoder: str | None = None,
    segmenter: str | None = None,
    model: str | None = None,
    score_threshold: float | str | None = None,
    device: str | torch.device = AUTO_DEVICE,
    overrides: Sequence[str] = (),
    memory: str | os.PathLike[str] | None = None,
) -> FewShotSegmenter:
    """Build a model and load its weights; the default is the embedded model for photographs.

    Args:
        encoder: name in ``conf/encoder``, such as ``dinov3_large``.
        segmenter: name in ``conf/segmenter``, such as ``sam2.1_large``.
        model: name in ``conf/model``.
        score_threshold: minimum score of returned instances, in [0, 1]; ``auto``, the default, calibrates it
            on the references.
        device: torch device; ``auto`` uses a GPU if available.
        overrides: overrides of ``predict.py``, such as ``scorer=soft_nearest`` or ``encoder.img_size=512``.
        memory: file of a reference memory to load, see :meth:`FewShotSegmenter.load_memory`.

    Raises:
        InputError: a name or override is unknown, weights are missing, the device is unavailable, or the
            reference memory does not match the model.
    """
    choices = {"encoder": encoder, "segmenter": segmenter, "model": model, "score_threshold": score_threshold}
    chosen = [f"{key}={value}" for key, value in choices.items() if value is not None]
    try:
        cfg = compose_config("predict", ["references=null", "images=null", *chosen, *overrides])
        require_values(cfg)
        check_config(cfg, overrides)
        loaded = build(cfg, device)
    except InputError:
        raise
    except USER_ERRORS as error:
        raise InputError(describe(error)) from error
    return loaded if memory is None else loaded.load_memory(memory)


def build(cfg: DictConfig, device: str | torch.device) -> FewShotSegmenter:
    """Build the model of a config without changing the caller's random state.

    Raises:
        InputError: weights are missing, or the device is unavailable.
    """
    place = _device(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(cfg.seed)
        model: Any = instantiate(cfg.model)
    logger.info("Models: %s", models_line(model))
    return FewShotSegmenter(model.to(place), instantiate(cfg.tracking))


def models_line(model: PrototypeMatching) -> str:
    """Describe the models in use and their roles."""
    parts = [f"encoder {model.encoder.name}"]
    if model.proposals.needs_segmenter or model.refiner.needs_segmenter:
        parts.append(f"segmenter {model.segmenter.name}")
    if not isinstance(model.refiner, NoRefinement):
        parts.append(f"refiner {type(model.refiner).__name__}")
    return ", ".join(parts)


def _device(wanted: str | torch.device) -> torch.device:
    if wanted == AUTO_DEVICE:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA raises AssertionError
        reason = str(error).splitlines()[0]
        raise InputError(f"device={wanted}: {reason}; use auto or cpu") from error
    return device
