"""Published checkpoint layouts of DINOv2 and DINOv3, each a table from its keys to timm's.

``{i}`` in a table stands for a block index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor

Tensors = dict[str, Tensor]
_BLOCK = re.compile(r"(?<![^.])\d+(?![^.])")


def _attentions(tensors: Tensors, suffix: str) -> Iterator[str]:
    """Yield the prefix ``blocks.N.attn.`` of each key that ends in ``suffix``."""
    for key in [key for key in tensors if re.fullmatch(rf"blocks\.\d+\.attn\.{re.escape(suffix)}", key)]:
        yield key.removesuffix(suffix)


def fuse_qkv(tensors: Tensors) -> None:
    """Stack separate query, key and value projections; mismatched parts stay and are rejected later."""
    for kind in ("weight", "bias"):
        for attention in _attentions(tensors, f"query.{kind}"):
            keys = [f"{attention}{part}.{kind}" for part in ("query", "key", "value")]
            complete = tensors.keys() >= set(keys)
            if complete and len({tensors[key].shape for key in keys}) == 1:
                tensors[f"{attention}qkv.{kind}"] = torch.cat([tensors.pop(key) for key in keys])


def split_qkv_bias(tensors: Tensors) -> None:
    """Mask Meta's fused bias, as its forward pass does, and split it into timm's query and value biases."""
    for attention in _attentions(tensors, "qkv.bias"):
        bias = tensors[f"{attention}qkv.bias"].float()
        mask = tensors.get(f"{attention}qkv.bias_mask")
        if mask is None:
            # Some exports lack the buffer; the architecture masks the third that belongs to the key.
            mask = torch.ones_like(bias).index_fill(0, torch.arange(len(bias) // 3, 2 * len(bias) // 3), 0)
        if mask.shape != bias.shape or not mask.float().isfinite().all():
            continue
        q_bias, k_bias, v_bias = (bias * mask).tensor_split(3)
        del tensors[f"{attention}qkv.bias"]
        tensors.pop(f"{attention}qkv.bias_mask", None)
        parts = {"q_bias": q_bias, "k_bias": k_bias, "v_bias": v_bias}
        tensors.update({f"{attention}{part}": values for part, values in parts.items()})


def drop_zero_key_bias(tensors: Tensors) -> None:
    """Drop key biases that are zero, because DINOv3 has none; others stay and are rejected later."""
    for attention in _attentions(tensors, "k_bias"):
        if not tensors[f"{attention}k_bias"].any():
            del tensors[f"{attention}k_bias"]


def add_zero_biases(tensors: Tensors) -> None:
    """Add zero query and value biases if a checkpoint has none in any block."""
    if any(key.endswith((".q_bias", ".v_bias")) for key in tensors):
        return
    for attention in _attentions(tensors, "qkv.weight"):
        zeros = torch.zeros(len(tensors[f"{attention}qkv.weight"]) // 3)
        tensors.update({f"{attention}q_bias": zeros, f"{attention}v_bias": zeros.clone()})


def fold_class_position(tensors: Tensors) -> None:
    """Add the position embedding of the class token to the token, as timm does for models with registers."""
    if not tensors.keys() >= {"reg_token", "cls_token", "pos_embed"}:
        return
    positions, token = tensors["pos_embed"].float(), tensors["cls_token"].float()
    if positions.ndim == 3 and token.shape == positions[:, :1].shape:
        tensors["cls_token"] = token + positions[:, :1]
        tensors["pos_embed"] = positions[:, 1:]


def name_ungated(tensors: Tensors) -> None:
    """Rename ``mlp.up`` to the ungated SwiGLU matrix if a gate exists, else to the first perceptron layer."""
    for key in [key for key in tensors if re.fullmatch(r"blocks\.\d+\.mlp\.up\.(weight|bias)", key)]:
        mlp, kind = key.split("up.")
        name = "fc1_x" if f"{mlp}fc1_g.{kind}" in tensors else "fc1"
        tensors[f"{mlp}{name}.{kind}"] = tensors.pop(key)


@dataclass(frozen=True)
class CheckpointLayout:
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
LAYOUTS: tuple[CheckpointLayout, ...] = (
    CheckpointLayout(
        publisher="transformers",
        family="DINOv2",
        anchor="embeddings.patch_embeddings.projection.weight",
        markers=("embeddings.position_embeddings", "encoder.layer.0.layer_scale1.lambda1"),
        keys=_TRANSFORMERS_DINOV2,
        ignored=("embeddings.mask_token", "pooler.*"),
        transforms=(fuse_qkv, fold_class_position),
    ),
    CheckpointLayout(
        publisher="transformers",
        family="DINOv3",
        anchor="embeddings.patch_embeddings.weight",
        markers=("embeddings.register_tokens", "layer.0.layer_scale1.lambda1"),
        keys=_TRANSFORMERS_DINOV3,
        ignored=("embeddings.mask_token", "rope_embeddings.*"),
        transforms=(name_ungated, fuse_qkv, drop_zero_key_bias, add_zero_biases),
    ),
    CheckpointLayout(
        publisher="Meta",
        family="DINOv3",
        anchor="patch_embed.proj.weight",
        markers=("storage_tokens", "rope_embed.periods", "blocks.0.attn.qkv.bias_mask"),
        keys=_META_DINOV3,
        # The second norm is only used for local crops during training.
        ignored=("mask_token", "local_cls_norm.*"),
        transforms=(split_qkv_bias, drop_zero_key_bias, add_zero_biases),
    ),
    CheckpointLayout(
        publisher="timm",
        family="DINOv3",
        anchor="patch_embed.proj.weight",
        markers=("blocks.0.gamma_1",),
        keys={},
        ignored=(),
        transforms=(add_zero_biases,),
    ),
    CheckpointLayout(
        publisher="Meta",
        family="DINOv2",
        anchor="patch_embed.proj.weight",
        markers=("mask_token", "register_tokens", "blocks.0.mlp.w12.weight"),
        keys=_META_DINOV2,
        ignored=("mask_token",),
        transforms=(fold_class_position,),
    ),
    CheckpointLayout(
        publisher="timm",
        family="DINOv2",
        anchor="patch_embed.proj.weight",
        markers=("blocks.0.ls1.gamma",),
        keys={},
        ignored=(),
    ),
)
