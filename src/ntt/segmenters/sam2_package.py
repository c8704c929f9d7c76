"""The one place that touches the ``sam2`` package's own configuration."""

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
    """Importing ``sam2`` starts Hydra on its own configs when nothing has; undo that, touch nothing else."""
    started_before = GlobalHydra.instance().is_initialized()
    yield
    if not started_before:
        GlobalHydra.instance().clear()


def build_sam2(config: str, image_size: int, overrides: Mapping[str, Any]) -> Any:
    """Instantiate ``sam2.modeling.sam2_base.SAM2Base`` with random weights, always the same ones, on the CPU.

    The package's ``build_sam2`` composes through Hydra's global state and breaks inside another Hydra app;
    reading the YAML as a resource does not.

    Args:
        config: YAML file inside the package's ``configs`` folder ("sam2.1/sam2.1_hiera_t.yaml").
        image_size: side in pixels of the square input.
        overrides: merged onto the ``model`` node; a list replaces the list, and a node with a ``_target_``
            the whole node.

    Raises:
        InputError: the package has no such file, or the overrides do not fit it.
    """
    with _hydra_state_kept():
        importlib.import_module("sam2")
    path = files("sam2") / "configs" / config
    if not path.is_file():
        raise InputError(
            f"{config}: no such file among the configs of the sam2 package (segmenter.config); "
            "take one like sam2.1/sam2.1_hiera_t.yaml"
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
            raise InputError(f"{config}: segmenter.overrides do not fit this model: {problem}") from error


def _drop_replaced(node: Any, overrides: Mapping[str, Any]) -> None:
    """Empty the nodes whose override names another class, whose arguments are its own."""
    for key, value in overrides.items():
        if not isinstance(value, Mapping) or key not in node:
            continue
        if "_target_" in value:
            node[key] = {}
        else:
            _drop_replaced(node[key], value)
