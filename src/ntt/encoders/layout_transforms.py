"""Tensor transforms between published checkpoint layouts and timm's, beyond renaming keys.

Each transform modifies a dictionary in place. Its keys are timm's or the intermediate keys of the layout
tables. Transforms skip tensors of unexpected shape; the strict load that follows reports them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor

Tensors = dict[str, Tensor]


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
