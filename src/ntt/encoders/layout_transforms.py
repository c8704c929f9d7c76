"""The few changes of tensors, beside their names, between published layouts and timm's.

Each works in place on a dictionary under timm's keys (or the intermediate ones that the tables name), and
leaves alone what does not fit: the strict load that follows then names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor

Tensors = dict[str, Tensor]


def _attentions(tensors: Tensors, suffix: str) -> Iterator[str]:
    """Prefixes ``blocks.N.attn.`` of the keys that end in ``suffix``."""
    for key in [key for key in tensors if re.fullmatch(rf"blocks\.\d+\.attn\.{re.escape(suffix)}", key)]:
        yield key.removesuffix(suffix)


def fuse_qkv(tensors: Tensors) -> None:
    """Stack separate query, key and value projections; parts that do not fit stay and are refused later."""
    for kind in ("weight", "bias"):
        for attention in _attentions(tensors, f"query.{kind}"):
            keys = [f"{attention}{part}.{kind}" for part in ("query", "key", "value")]
            complete = tensors.keys() >= set(keys)
            if complete and len({tensors[key].shape for key in keys}) == 1:
                tensors[f"{attention}qkv.{kind}"] = torch.cat([tensors.pop(key) for key in keys])


def split_qkv_bias(tensors: Tensors) -> None:
    """Meta's fused bias, times its mask as in their forward pass, becomes timm's query and value biases."""
    for attention in _attentions(tensors, "qkv.bias"):
        bias = tensors[f"{attention}qkv.bias"].float()
        mask = tensors.get(f"{attention}qkv.bias_mask")
        if mask is None:
            # Exports without the buffer: the architecture masks the key's third.
            mask = torch.ones_like(bias).index_fill(0, torch.arange(len(bias) // 3, 2 * len(bias) // 3), 0)
        if mask.shape != bias.shape or not mask.float().isfinite().all():
            continue
        q_bias, k_bias, v_bias = (bias * mask).tensor_split(3)
        del tensors[f"{attention}qkv.bias"]
        tensors.pop(f"{attention}qkv.bias_mask", None)
        parts = {"q_bias": q_bias, "k_bias": k_bias, "v_bias": v_bias}
        tensors.update({f"{attention}{part}": values for part, values in parts.items()})


def drop_zero_key_bias(tensors: Tensors) -> None:
    """DINOv3 has no key bias; one that is zero says the same, any other stays and is refused later."""
    for attention in _attentions(tensors, "k_bias"):
        if not tensors[f"{attention}k_bias"].any():
            del tensors[f"{attention}k_bias"]


def add_zero_biases(tensors: Tensors) -> None:
    """Checkpoints published without query and value biases have zero ones; all blocks or none."""
    if any(key.endswith((".q_bias", ".v_bias")) for key in tensors):
        return
    for attention in _attentions(tensors, "qkv.weight"):
        zeros = torch.zeros(len(tensors[f"{attention}qkv.weight"]) // 3)
        tensors.update({f"{attention}q_bias": zeros, f"{attention}v_bias": zeros.clone()})


def fold_class_position(tensors: Tensors) -> None:
    """With registers, timm adds the class token's position into the token itself."""
    if not tensors.keys() >= {"reg_token", "cls_token", "pos_embed"}:
        return
    positions, token = tensors["pos_embed"].float(), tensors["cls_token"].float()
    if positions.ndim == 3 and token.shape == positions[:, :1].shape:
        tensors["cls_token"] = token + positions[:, :1]
        tensors["pos_embed"] = positions[:, 1:]


def name_ungated(tensors: Tensors) -> None:
    """``mlp.up`` is a SwiGLU's ungated matrix beside a gate, and a perceptron's first without one."""
    for key in [key for key in tensors if re.fullmatch(r"blocks\.\d+\.mlp\.up\.(weight|bias)", key)]:
        mlp, kind = key.split("up.")
        name = "fc1_x" if f"{mlp}fc1_g.{kind}" in tensors else "fc1"
        tensors[f"{mlp}{name}.{kind}"] = tensors.pop(key)
