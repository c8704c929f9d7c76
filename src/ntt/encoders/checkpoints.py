"""Strict loading of DINOv2 and DINOv3 weights from any published checkpoint layout; names of their sizes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn

from ntt.encoders.configs import DINOV2_CONFIGS, DINOV3_CONFIGS
from ntt.encoders.layouts import LAYOUTS, CheckpointLayout
from ntt.encoders.tensor_files import read_tensors
from ntt.encoders.weights import RANDOM, Release, find_weights
from ntt.errors import InputError, did_you_mean

# Wrappers that prefix every key with their name: data parallel, torch.compile, Lightning, trainers.
_PREFIX = re.compile(r"((module|_orig_mod|model|teacher|ema|backbone|encoder|state_dict)\.)*")
Config = TypeVar("Config")


@dataclass(frozen=True)
class Checkpoint:
    """Parsed weights file.

    Attributes:
        path: weights file.
        layout: recognised checkpoint layout.
        tensors: weights under timm's keys, including ``rope.periods`` if the file contains it.
        variants: names of the variants that match the tensor shapes, usually one; empty for an unknown size.
        size: model size derived from the tensor shapes.
    """

    path: Path
    layout: CheckpointLayout
    tensors: dict[str, Tensor]
    variants: tuple[str, ...]
    size: BackboneSize


def build_backbone(
    build: Callable[[], nn.Module], weights: str, release: Release, dtype: torch.dtype = torch.float32
) -> tuple[nn.Module, Path | None]:
    """Build a backbone and load its weights.

    Returns:
        The backbone and its weights file; None for ``weights="random"``.

    Raises:
        InputError: missing weights, or any error of :func:`load_checkpoint`.
    """
    if weights == RANDOM:
        return build(), None
    path = find_weights(weights, release)
    with torch.device("meta"):  # initialising a large model takes longer than loading its weights
        backbone = build()
    load_checkpoint(backbone, path, release.name, dtype)
    return backbone, path


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a weights file and detect its layout and variant.

    Raises:
        InputError: the file is unreadable or has an unknown layout.
    """
    layout, theirs = _recognise(path, read_tensors(path))
    tensors = layout.convert(theirs)
    size = measure(tensors)
    return Checkpoint(path, layout, tensors, variants_of(layout.family, size), size)


def load_checkpoint(backbone: nn.Module, path: Path, name: str, dtype: torch.dtype = torch.float32) -> None:
    """Load the weights of ``path`` into a backbone of variant ``name``, as ``dtype`` on the CPU.

    The backbone may be on the meta device. Its parameters are replaced rather than copied into, which keeps
    tensors memory-mapped if the file already stores them as ``dtype``.

    Raises:
        InputError: the file is unreadable, has an unknown layout, or does not match the variant exactly.
    """
    tensors = fitting_tensors(backbone, path, name)
    periods = tensors.pop("rope.periods", None)
    backbone.load_state_dict({key: t.to(dtype) for key, t in tensors.items()}, strict=True, assign=True)
    _materialise_buffers(backbone)
    if periods is not None:
        # Meta stores the periods rounded to bfloat16 and uses the rounded values in its forward pass.
        backbone.get_buffer("rope.periods").copy_(periods)


def fitting_tensors(backbone: nn.Module, path: Path, name: str) -> dict[str, Tensor]:
    """Return the tensors of ``path`` under timm's keys, after checking that they match the backbone exactly.

    Raises:
        InputError: the file is unreadable, has an unknown layout, or does not match variant ``name`` exactly.
    """
    checkpoint = read_checkpoint(path)
    tensors = dict(checkpoint.tensors)
    expected = backbone.state_dict()
    if "rope.periods" in tensors and "rope.periods" in dict(backbone.named_buffers()):
        expected["rope.periods"] = backbone.get_buffer("rope.periods")
    offending = _offending(expected, tensors, checkpoint.layout)
    if offending:
        raise InputError(_mismatch(checkpoint, name, offending))
    return tensors


def _recognise(path: Path, tensors: Mapping[str, Tensor]) -> tuple[CheckpointLayout, dict[str, Tensor]]:
    """Find the first layout that matches under a known prefix; return it and the unprefixed tensors."""
    for prefix in _prefixes(tensors):
        inside = {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
        for layout in LAYOUTS:
            if layout.matches(inside.keys()):
                return layout, inside
    some = ", ".join(list(tensors)[:4])
    raise InputError(f"{path} has no known layout of DINOv2 or DINOv3 weights: its keys are {some} ...")


def _prefixes(tensors: Mapping[str, Tensor]) -> list[str]:
    """List known prefixes of a patch embedding key, the teacher's first, then by length."""
    anchors = {layout.anchor for layout in LAYOUTS}
    found = {key.removesuffix(anchor) for key in tensors for anchor in anchors if key.endswith(anchor)}
    known = [prefix for prefix in found if _PREFIX.fullmatch(prefix)]
    return sorted(known, key=lambda prefix: ("teacher" not in prefix, len(prefix), prefix))


def _offending(
    expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], layout: CheckpointLayout
) -> list[str]:
    """Describe each mismatch between expected and loaded tensors, using the file's own keys."""
    missing = [f"no {layout.their_key(key)}" for key in expected if key not in tensors]
    unknown = [f"unknown {layout.their_key(key)}" for key in tensors if key not in expected]
    misshapen = [
        f"{layout.their_key(key)} is {_shape(tensors[key])} instead of {_shape(expected[key])}"
        for key in expected
        if key in tensors and tensors[key].shape != expected[key].shape
    ]
    return misshapen + missing + unknown


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _mismatch(checkpoint: Checkpoint, name: str, offending: list[str]) -> str:
    layout = checkpoint.layout
    found = " or ".join(checkpoint.variants) or f"a {layout.family} of unknown size ({checkpoint.size})"
    others = [f"encoder={variant}" for variant in checkpoint.variants if variant != name]
    first = ", ".join(offending[:3]) + (", ..." if offending[3:] else "")
    return (
        f"{checkpoint.path} contains {found} in {layout.publisher}'s layout, but {name} was requested: "
        f"{len(offending)} keys do not fit ({first}); use {' or '.join([*others, 'another file'])}"
    )


def _materialise_buffers(backbone: nn.Module) -> None:
    """Compute buffers that checkpoints do not contain, if the backbone was built on the meta device."""
    for module in backbone.modules():
        empty = [key for key, buffer in module.named_buffers(recurse=False) if buffer.is_meta]
        for key in empty:
            setattr(module, key, torch.empty_like(getattr(module, key), device="cpu"))
        if empty:
            cast(Any, module).init_non_persistent_buffers()


class BackboneSize(NamedTuple):
    """Dimensions that distinguish the variants of a family; 0 if unknown."""

    width: int
    depth: int
    patch: int
    hidden: int
    registers: int
    ffn: str

    def __str__(self) -> str:
        return f"{self.width} wide, {self.depth} deep"


def measure(tensors: Mapping[str, Tensor]) -> BackboneSize:
    """Derive the model size from tensors under timm's keys, even if some are missing or damaged."""
    hidden = _side(tensors, "blocks.0.mlp.fc2.weight", -1)
    packed = _side(tensors, "blocks.0.mlp.fc1.weight", 0) == 2 * hidden > 0
    gated = packed or "blocks.0.mlp.fc1_g.weight" in tensors
    return BackboneSize(
        width=_side(tensors, "patch_embed.proj.weight", 0),
        depth=len({key.split(".")[1] for key in tensors if re.match(r"blocks\.\d+\.", key)}),
        patch=_side(tensors, "patch_embed.proj.weight", -1),
        hidden=hidden,
        registers=_side(tensors, "reg_token", -2),
        ffn="swiglu" if gated else "mlp",
    )


def _side(tensors: Mapping[str, Tensor], key: str, dimension: int) -> int:
    tensor = tensors.get(key)
    return tensor.shape[dimension] if tensor is not None and tensor.ndim >= 2 else 0


def variants_of(family: str, size: BackboneSize) -> tuple[str, ...]:
    """Return the names of all variants of a family that have this size."""
    known = {
        "DINOv2": {
            name: BackboneSize(
                c.embed_dim, c.depth, c.patch_size, c.ffn_hidden, c.num_register_tokens, c.ffn_layer
            )
            for name, c in DINOV2_CONFIGS.items()
        },
        "DINOv3": {
            name: BackboneSize(
                c.embed_dim, c.depth, c.patch_size, c.ffn_hidden, c.n_storage_tokens, c.ffn_layer
            )
            for name, c in DINOV3_CONFIGS.items()
        },
    }
    return tuple(name for name, other in known[family].items() if other == size)


def look_up(family: str, configs: Mapping[str, Config], name: str) -> Config:
    """Return the entry called ``name``.

    Raises:
        InputError: unknown name; the message suggests the closest one, or lists all if none is close.
    """
    if name in configs:
        return configs[name]
    raise InputError(f"Unknown {family} model: {name}. {did_you_mean(name, configs)}")
