"""Detection of the variant from the shapes of converted tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from ntt.encoders.dinov2_configs import DINOV2_CONFIGS
from ntt.encoders.dinov3_configs import DINOV3_CONFIGS


class Size(NamedTuple):
    """Dimensions that distinguish the variants of a family; 0 if unknown."""

    width: int
    depth: int
    patch: int
    hidden: int
    registers: int
    ffn: str

    def __str__(self) -> str:
        return f"{self.width} wide, {self.depth} deep"


def measure(tensors: Mapping[str, Tensor]) -> Size:
    """Derive the model size from tensors under timm's keys, even if some are missing or damaged."""
    hidden = _side(tensors, "blocks.0.mlp.fc2.weight", -1)
    packed = _side(tensors, "blocks.0.mlp.fc1.weight", 0) == 2 * hidden > 0
    gated = packed or "blocks.0.mlp.fc1_g.weight" in tensors
    return Size(
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


def variants_of(family: str, size: Size) -> tuple[str, ...]:
    """Return the names of all variants of a family that have this size."""
    known = {
        "DINOv2": {
            name: Size(c.embed_dim, c.depth, c.patch_size, c.ffn_hidden, c.num_register_tokens, c.ffn_layer)
            for name, c in DINOV2_CONFIGS.items()
        },
        "DINOv3": {
            name: Size(c.embed_dim, c.depth, c.patch_size, c.ffn_hidden, c.n_storage_tokens, c.ffn_layer)
            for name, c in DINOV3_CONFIGS.items()
        },
    }
    return tuple(name for name, other in known[family].items() if other == size)
