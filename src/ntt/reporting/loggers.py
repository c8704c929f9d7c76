"""Sending the numbers elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger


def log_metrics(loggers: Iterable[Logger], metrics: Mapping[str, Any], cfg: DictConfig) -> None:
    """Give every logger the config and all numbers, named by their path: ``segm/AP``."""
    numbers = dict(flatten(metrics))
    for destination in loggers:
        destination.log_hyperparams(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
        destination.log_metrics(numbers)
        destination.finalize("success")


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, float]]:
    """The numbers in nested dictionaries with their paths; text and undefined values are left out."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}/")
        elif isinstance(value, int | float):
            yield f"{prefix}{key}", float(value)
