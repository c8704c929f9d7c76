"""DINOv3 through torch.hub: entry points of ``dinov3/hubconf.py`` and models of another clone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ntt.encoders.checkpoints import build_backbone
from ntt.encoders.configs import DINOV3_CONFIGS, DINOv3Config
from ntt.encoders.dinov3_vit import DINOv3ViT
from ntt.encoders.weights import RANDOM, Release
from ntt.errors import InputError

_PACKAGE = "dinov3"  # name of the package in Meta's clone and of the folder shipped with ntt
_NEEDED = ("get_intermediate_layers", "forward_features")


def release_of(name: str, config: DINOv3Config) -> Release:
    """Return the published weights of a variant."""
    return Release(name, config.origin, config.checkpoint, config.repositories, config.instead)


def entry_of(name: str, config: DINOv3Config) -> str:
    """Return the name of the function in ``hubconf.py`` that builds a variant."""
    return config.entry or name


def hub_entries() -> dict[str, Callable[..., nn.Module]]:
    """Return a builder for every variant, by Meta's name."""
    return {entry_of(name, config): _entry(name, config) for name, config in DINOV3_CONFIGS.items()}


def _entry(name: str, config: DINOv3Config) -> Callable[..., nn.Module]:
    def build(*, pretrained: bool = True, weights: str | None = None) -> nn.Module:
        release = release_of(name, config)
        if pretrained and not weights:
            raise InputError(f"{build.__name__} needs weights=FILE, or pretrained=False; {release.advice}")
        source = str(weights) if pretrained else RANDOM
        backbone, _ = build_backbone(partial(DINOv3ViT, config), source, release)
        return backbone.eval()

    build.__name__ = entry_of(name, config)
    build.__doc__ = f"""{name}: {config.depth} blocks, {config.embed_dim} channels.

    Args:
        pretrained: False for an untrained initialisation.
        weights: a file of any published layout.

    Raises:
        InputError: missing or mismatched weights.
    """
    return build


def load_from_clone(repo_dir: str, entry: str, weights: Path | None) -> nn.Module:
    """Build a backbone with its weights from another torch.hub repository.

    Args:
        repo_dir: root folder of the clone, which contains ``hubconf.py``.
        entry: function to call.
        weights: file that the clone loads; None for an untrained initialisation.

    Raises:
        InputError: missing folder or entry, an error inside the clone, or a model without a required method.
    """
    folder = Path(repo_dir).expanduser()
    without = f"remove encoder.repo_dir to use the {_PACKAGE} folder shipped with ntt"
    if not (folder / "hubconf.py").is_file():
        raise InputError(
            f"encoder.repo_dir={folder} has no hubconf.py: use the root of a DINOv3 clone, or {without}"
        )
    options: dict[str, Any] = {"pretrained": False} if weights is None else {"weights": str(weights)}
    try:
        with _package_set_aside():
            backbone = torch.hub.load(str(folder), entry, source="local", **options)
    except InputError:
        raise
    except Exception as error:  # the clone's code may raise anything
        if "Cannot find callable" in str(error):
            raise InputError(
                f"Module '{_PACKAGE}' has no attribute '{entry}': {folder}/hubconf.py does not define it; "
                f"update the clone (git -C {folder} pull), choose another encoder, or {without}"
            ) from error
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        what = f"{entry} from {weights}" if weights else entry
        raise InputError(
            f"{folder} cannot build {what}: {why}; Meta's clone only reads Meta's files under their "
            f"original names: use such a file, install the clone's dependencies, or {without}"
        ) from error
    missing = [method for method in _NEEDED if not hasattr(backbone, method)]
    if missing:
        raise InputError(f"{folder} builds a {entry} without {' and '.join(missing)}: {without}")
    return backbone


@contextmanager
def _package_set_aside() -> Iterator[None]:
    """Unload the imported package ``dinov3`` so that the clone can import its own, then restore it."""
    before = _take_out()
    try:
        yield
    finally:
        if before:
            _take_out()
            sys.modules.update(before)


def _take_out() -> dict[str, Any]:
    names = [name for name in sys.modules if name.split(".")[0] == _PACKAGE]
    return {name: sys.modules.pop(name) for name in names}
