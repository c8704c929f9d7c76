"""Published checkpoint layouts of DINOv2 and DINOv3, each a table from its keys to timm's.

``{i}`` in a table stands for a block index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor

from ntt.encoders.layout_transforms import (
    Tensors,
    add_zero_biases,
    drop_zero_key_bias,
    fold_class_position,
    fuse_qkv,
    name_ungated,
    split_qkv_bias,
)

_BLOCK = re.compile(r"(?<![^.])\d+(?![^.])")


@dataclass(frozen=True)
class Layout:
    """Key names and tensor shapes of one publisher's checkpoints of one family.

    Attributes:
        publisher: name of the publisher.
        family: "DINOv2" or "DINOv3".
        anchor: key of the patch embedding, used to detect a common prefix of all keys.
        markers: keys of which at least one is present in this layout; they distinguish layouts that share an
            anchor.
        keys: published key -> timm's key, or the intermediate key that ``transforms`` expect.
        ignored: patterns of keys that the forward pass does not use.
        transforms: tensor transforms, applied in order after renaming.
    """

    publisher: str
    family: str
    anchor: str
    markers: tuple[str, ...]
    keys: Mapping[str, str]
    ignored: tuple[str, ...]
    transforms: tuple[Callable[[Tensors], None], ...] = ()

    def matches(self, keys: Set[str]) -> bool:
        """Whether the keys of a checkpoint match this layout."""
        return self.anchor in keys and any(marker in keys for marker in self.markers)

    def convert(self, tensors: Mapping[str, Tensor]) -> Tensors:
        """Convert tensors to timm's keys; unknown keys stay unchanged."""
        kept = {k: v for k, v in tensors.items() if not any(fnmatchcase(k, p) for p in self.ignored)}
        converted = {_rename(key, self.keys): tensor for key, tensor in kept.items()}
        for transform in self.transforms:
            transform(converted)
        return converted

    def their_key(self, key: str) -> str:
        """Return this layout's name of a timm key, for messages."""
        return _rename(key, {ours: theirs for theirs, ours in self.keys.items()})


def _rename(key: str, table: Mapping[str, str]) -> str:
    pattern = _BLOCK.sub("{i}", key, count=1)
    number = _BLOCK.search(key)
    return table.get(pattern, key).replace("{i}", number.group() if number else "{i}")


_META_DINOV2 = {
    "register_tokens": "reg_token",
    "blocks.{i}.mlp.w12.weight": "blocks.{i}.mlp.fc1.weight",
    "blocks.{i}.mlp.w12.bias": "blocks.{i}.mlp.fc1.bias",
    "blocks.{i}.mlp.w3.weight": "blocks.{i}.mlp.fc2.weight",
    "blocks.{i}.mlp.w3.bias": "blocks.{i}.mlp.fc2.bias",
}

_META_DINOV3 = {
    "storage_tokens": "reg_token",
    "rope_embed.periods": "rope.periods",
    "blocks.{i}.ls1.gamma": "blocks.{i}.gamma_1",
    "blocks.{i}.ls2.gamma": "blocks.{i}.gamma_2",
    "blocks.{i}.mlp.w1.weight": "blocks.{i}.mlp.fc1_g.weight",
    "blocks.{i}.mlp.w1.bias": "blocks.{i}.mlp.fc1_g.bias",
    "blocks.{i}.mlp.w2.weight": "blocks.{i}.mlp.fc1_x.weight",
    "blocks.{i}.mlp.w2.bias": "blocks.{i}.mlp.fc1_x.bias",
    "blocks.{i}.mlp.w3.weight": "blocks.{i}.mlp.fc2.weight",
    "blocks.{i}.mlp.w3.bias": "blocks.{i}.mlp.fc2.bias",
}

_TRANSFORMERS_DINOV2 = {
    "embeddings.cls_token": "cls_token",
    "embeddings.register_tokens": "reg_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
    "encoder.layer.{i}.norm1.weight": "blocks.{i}.norm1.weight",
    "encoder.layer.{i}.norm1.bias": "blocks.{i}.norm1.bias",
    "encoder.layer.{i}.attention.attention.query.weight": "blocks.{i}.attn.query.weight",
    "encoder.layer.{i}.attention.attention.query.bias": "blocks.{i}.attn.query.bias",
    "encoder.layer.{i}.attention.attention.key.weight": "blocks.{i}.attn.key.weight",
    "encoder.layer.{i}.attention.attention.key.bias": "blocks.{i}.attn.key.bias",
    "encoder.layer.{i}.attention.attention.value.weight": "blocks.{i}.attn.value.weight",
    "encoder.layer.{i}.attention.attention.value.bias": "blocks.{i}.attn.value.bias",
    "encoder.layer.{i}.attention.output.dense.weight": "blocks.{i}.attn.proj.weight",
    "encoder.layer.{i}.attention.output.dense.bias": "blocks.{i}.attn.proj.bias",
    "encoder.layer.{i}.layer_scale1.lambda1": "blocks.{i}.ls1.gamma",
    "encoder.layer.{i}.norm2.weight": "blocks.{i}.norm2.weight",
    "encoder.layer.{i}.norm2.bias": "blocks.{i}.norm2.bias",
    "encoder.layer.{i}.mlp.fc1.weight": "blocks.{i}.mlp.fc1.weight",
    "encoder.layer.{i}.mlp.fc1.bias": "blocks.{i}.mlp.fc1.bias",
    "encoder.layer.{i}.mlp.fc2.weight": "blocks.{i}.mlp.fc2.weight",
    "encoder.layer.{i}.mlp.fc2.bias": "blocks.{i}.mlp.fc2.bias",
    "encoder.layer.{i}.mlp.weights_in.weight": "blocks.{i}.mlp.fc1.weight",
    "encoder.layer.{i}.mlp.weights_in.bias": "blocks.{i}.mlp.fc1.bias",
    "encoder.layer.{i}.mlp.weights_out.weight": "blocks.{i}.mlp.fc2.weight",
    "encoder.layer.{i}.mlp.weights_out.bias": "blocks.{i}.mlp.fc2.bias",
    "encoder.layer.{i}.layer_scale2.lambda1": "blocks.{i}.ls2.gamma",
    "layernorm.weight": "norm.weight",
    "layernorm.bias": "norm.bias",
}

# The first matrix of a perceptron and the ungated one of a SwiGLU share a name; name_ungated separates them.
_TRANSFORMERS_DINOV3 = {
    "embeddings.cls_token": "cls_token",
    "embeddings.register_tokens": "reg_token",
    "embeddings.patch_embeddings.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.bias": "patch_embed.proj.bias",
    "layer.{i}.norm1.weight": "blocks.{i}.norm1.weight",
    "layer.{i}.norm1.bias": "blocks.{i}.norm1.bias",
    "layer.{i}.attention.q_proj.weight": "blocks.{i}.attn.query.weight",
    "layer.{i}.attention.k_proj.weight": "blocks.{i}.attn.key.weight",
    "layer.{i}.attention.v_proj.weight": "blocks.{i}.attn.value.weight",
    "layer.{i}.attention.q_proj.bias": "blocks.{i}.attn.q_bias",
    "layer.{i}.attention.k_proj.bias": "blocks.{i}.attn.k_bias",
    "layer.{i}.attention.v_proj.bias": "blocks.{i}.attn.v_bias",
    "layer.{i}.attention.o_proj.weight": "blocks.{i}.attn.proj.weight",
    "layer.{i}.attention.o_proj.bias": "blocks.{i}.attn.proj.bias",
    "layer.{i}.layer_scale1.lambda1": "blocks.{i}.gamma_1",
    "layer.{i}.norm2.weight": "blocks.{i}.norm2.weight",
    "layer.{i}.norm2.bias": "blocks.{i}.norm2.bias",
    "layer.{i}.mlp.gate_proj.weight": "blocks.{i}.mlp.fc1_g.weight",
    "layer.{i}.mlp.gate_proj.bias": "blocks.{i}.mlp.fc1_g.bias",
    "layer.{i}.mlp.up_proj.weight": "blocks.{i}.mlp.up.weight",
    "layer.{i}.mlp.up_proj.bias": "blocks.{i}.mlp.up.bias",
    "layer.{i}.mlp.down_proj.weight": "blocks.{i}.mlp.fc2.weight",
    "layer.{i}.mlp.down_proj.bias": "blocks.{i}.mlp.fc2.bias",
    "layer.{i}.layer_scale2.lambda1": "blocks.{i}.gamma_2",
    "norm.weight": "norm.weight",
    "norm.bias": "norm.bias",
}

# The first match wins, so layouts with more specific markers come first.
LAYOUTS: tuple[Layout, ...] = (
    Layout(
        publisher="transformers",
        family="DINOv2",
        anchor="embeddings.patch_embeddings.projection.weight",
        markers=("embeddings.position_embeddings", "encoder.layer.0.layer_scale1.lambda1"),
        keys=_TRANSFORMERS_DINOV2,
        ignored=("embeddings.mask_token", "pooler.*"),
        transforms=(fuse_qkv, fold_class_position),
    ),
    Layout(
        publisher="transformers",
        family="DINOv3",
        anchor="embeddings.patch_embeddings.weight",
        markers=("embeddings.register_tokens", "layer.0.layer_scale1.lambda1"),
        keys=_TRANSFORMERS_DINOV3,
        ignored=("embeddings.mask_token", "rope_embeddings.*"),
        transforms=(name_ungated, fuse_qkv, drop_zero_key_bias, add_zero_biases),
    ),
    Layout(
        publisher="Meta",
        family="DINOv3",
        anchor="patch_embed.proj.weight",
        markers=("storage_tokens", "rope_embed.periods", "blocks.0.attn.qkv.bias_mask"),
        keys=_META_DINOV3,
        # The second norm is only used for local crops during training.
        ignored=("mask_token", "local_cls_norm.*"),
        transforms=(split_qkv_bias, drop_zero_key_bias, add_zero_biases),
    ),
    Layout(
        publisher="timm",
        family="DINOv3",
        anchor="patch_embed.proj.weight",
        markers=("blocks.0.gamma_1",),
        keys={},
        ignored=(),
        transforms=(add_zero_biases,),
    ),
    Layout(
        publisher="Meta",
        family="DINOv2",
        anchor="patch_embed.proj.weight",
        markers=("mask_token", "register_tokens", "blocks.0.mlp.w12.weight"),
        keys=_META_DINOV2,
        ignored=("mask_token",),
        transforms=(fold_class_position,),
    ),
    Layout(
        publisher="timm",
        family="DINOv2",
        anchor="patch_embed.proj.weight",
        markers=("blocks.0.ls1.gamma",),
        keys={},
        ignored=(),
    ),
)
