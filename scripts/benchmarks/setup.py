"""Fitted models from the ``train`` config."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning import seed_everything
from omegaconf import DictConfig

from ntt.config.messages import require_values
from ntt.data import FewShotDataset
from ntt.models import PrototypeMatching


def compose_train(conf: Path, overrides: Sequence[str]) -> DictConfig:
    """Compose the config of ``python train.py`` with overrides.

    Args:
        conf: Folder of the configs.
        overrides: Overrides of ``conf/train.yaml``.
    """
    os.environ.setdefault("PROJECT_ROOT", str(conf.parent))
    with initialize_config_dir(str(conf), version_base="1.3"):
        cfg = compose("train", overrides=[*overrides, "paths.output=null"])  # there is no run directory
    require_values(cfg)
    return cfg


def fitted_model(cfg: DictConfig) -> tuple[PrototypeMatching, FewShotDataset]:
    """Build the model and the dataset of a ``train`` config and fill the memory."""
    seed_everything(cfg.seed, verbose=False)
    dataset = instantiate(cfg.dataset)
    dataset.check()
    model = instantiate(cfg.model)
    model.fit(dataset.references, dataset.class_names)
    return model, dataset
