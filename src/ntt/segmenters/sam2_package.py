"""Construction of SAM 2 models from the configs of the ``sam2`` package."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ntt.errors import InputError


@contextmanager
def _hydra_state_kept() -> Iterator[None]:
    """Undo the Hydra initialisation that importing ``sam2`` performs if Hydra is not initialised yet."""
    started_before = GlobalHydra.instance().is_initialized()
    yield
    if not started_before:
        GlobalHydra.instance().clear()


def build_sam2(config: str, image_size: int, overrides: Mapping[str, Any]) -> Any:
    """Instantiate ``sam2.modeling.sam2_base.SAM2Base`` on the CPU with random weights from a fixed seed.

    The package's ``build_sam2`` uses Hydra's global state and fails inside another Hydra app. Reading the
    YAML file as a package resource avoids this.

    Args:
        config: YAML file inside the package's ``configs`` folder ("sam2.1/sam2.1_hiera_t.yaml").
        image_size: side in pixels of the square input.
        overrides: merged into the ``model`` node. A list replaces the whole list; a node with a ``_target_``
            replaces the whole node.

    Raises:
        InputError: the file does not exist in the package, or the overrides do not match it.
    """
    with _hydra_state_kept():
        importlib.import_module("sam2")
    path = files("sam2") / "configs" / config
    if not path.is_file():
        raise InputError(
            f"{config}: no such file among the configs of the sam2 package (segmenter.config); "
            "use one such as sam2.1/sam2.1_hiera_t.yaml"
        )
    model = OmegaConf.create(path.read_text(encoding="utf-8")).model
    _drop_replaced(model, overrides)
    model = OmegaConf.merge(model, dict(overrides), {"image_size": image_size})
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(0)
        try:
            return instantiate(model)
        except InstantiationException as error:
            problem = str(error).splitlines()[0]
            raise InputError(f"{config}: segmenter.overrides do not match this model: {problem}") from error


def _drop_replaced(node: Any, overrides: Mapping[str, Any]) -> None:
    """Empty the nodes whose override sets ``_target_``, because the new class has its own arguments."""
    for key, value in overrides.items():
        if not isinstance(value, Mapping) or key not in node:
            continue
        if "_target_" in value:
            node[key] = {}
        else:
            _drop_replaced(node[key], value)
