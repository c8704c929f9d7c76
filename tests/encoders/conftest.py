"""Small variants of every architecture, with weights exported in each publisher's layout."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ntt.encoders import DINOv2, DINOv3
from ntt.encoders.configs import DINOV2_CONFIGS, DINOV3_CONFIGS, DINOv2Config, DINOv3Config

SMALL_DINOV3 = DINOv3Config(embed_dim=32, depth=2, num_heads=2)
SMALL_DINOV2 = DINOv2Config(embed_dim=28, depth=2, num_heads=2, position_grid=5)

DINOV3_NAMES = ("dinov3_test", "dinov3_test_swiglu")
DINOV2_NAMES = ("dinov2_test", "dinov2_test_reg", "dinov2_test_swiglu")


@pytest.fixture
def small_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add variants a few dozen channels wide to both tables."""
    gated = {"ffn_layer": "swiglu", "ffn_ratio": 6.0}
    monkeypatch.setitem(DINOV3_CONFIGS, "dinov3_test", SMALL_DINOV3)
    monkeypatch.setitem(DINOV3_CONFIGS, "dinov3_test_swiglu", replace(SMALL_DINOV3, **gated))
    monkeypatch.setitem(DINOV2_CONFIGS, "dinov2_test", SMALL_DINOV2)
    monkeypatch.setitem(DINOV2_CONFIGS, "dinov2_test_reg", replace(SMALL_DINOV2, num_register_tokens=4))
    monkeypatch.setitem(DINOV2_CONFIGS, "dinov2_test_swiglu", replace(SMALL_DINOV2, ffn_layer="swiglu"))


@pytest.fixture
def make(small_variants: None) -> Callable[..., DINOv2 | DINOv3]:
    """Build an encoder with random weights large enough for each one to affect the features."""

    def build(name: str, img_size: int | None = None) -> DINOv2 | DINOv3:
        cls, patch = (DINOv3, 16) if name.startswith("dinov3") else (DINOv2, 14)
        encoder = cls(name, img_size or 4 * patch, weights="random")
        generator = torch.Generator().manual_seed(7)
        for parameter in encoder.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
        return encoder

    return build


def to_meta_dinov3(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Export a fused bias whose key part is only disabled by a mask, as in Meta's files."""
    renamed = {
        "reg_token": "storage_tokens",
        "gamma_1": "ls1.gamma",
        "gamma_2": "ls2.gamma",
        "fc1_g": "w1",
        "fc1_x": "w2",
    }
    gated = any("fc1_g" in key for key in state)
    out = {"mask_token": torch.zeros(1, 32), "rope_embed.periods": 100.0 ** (torch.arange(4.0) / 4)}
    for key, tensor in state.items():
        if key.endswith(("q_bias", "v_bias")):
            continue
        for ours, theirs in renamed.items():
            key = key.replace(ours, theirs)
        out[key.replace("fc2", "w3") if gated else key] = tensor
    for i in range(2):
        q, v = state[f"blocks.{i}.attn.q_bias"], state[f"blocks.{i}.attn.v_bias"]
        out[f"blocks.{i}.attn.qkv.bias"] = torch.cat([q, torch.full_like(q, 5.0), v])
        out[f"blocks.{i}.attn.qkv.bias_mask"] = torch.cat([torch.ones(32), torch.zeros(32), torch.ones(32)])
    return out


def to_transformers_dinov3(state: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {
        "cls_token": "embeddings.cls_token",
        "reg_token": "embeddings.register_tokens",
        "patch_embed.proj": "embeddings.patch_embeddings",
        "attn.q_bias": "attention.q_proj.bias",
        "attn.v_bias": "attention.v_proj.bias",
        "attn.proj": "attention.o_proj",
        "gamma_1": "layer_scale1.lambda1",
        "gamma_2": "layer_scale2.lambda1",
        "fc1_g": "gate_proj",
        "fc1_x": "up_proj",
        "fc1": "up_proj",
        "fc2": "down_proj",
        "blocks.": "layer.",
    }
    out = {"embeddings.mask_token": torch.zeros(1, 1, 32)}
    for key, tensor in state.items():
        if "qkv" in key:
            for part, rows in zip("qkv", tensor.chunk(3), strict=True):
                out[f"layer.{key.split('.')[1]}.attention.{part}_proj.weight"] = rows.clone()
            continue
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        out[key] = tensor
    return out


def to_meta_dinov2(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """With registers, store the class token's position embedding separately from the token."""
    gated = state["blocks.0.mlp.fc1.weight"].shape[0] != state["blocks.0.mlp.fc2.weight"].shape[1]
    out = {key: tensor.clone() for key, tensor in state.items()} | {"mask_token": torch.zeros(1, 28)}
    if "reg_token" in out:
        out["register_tokens"] = out.pop("reg_token")
        position = torch.randn(1, 1, 28)
        out["cls_token"] = out["cls_token"] - position
        out["pos_embed"] = torch.cat([position, out["pos_embed"]], dim=1)
    if gated:
        out = {key.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3"): t for key, t in out.items()}
    return out


def to_transformers_dinov2(state: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {
        "blocks.": "encoder.layer.",
        "attn.proj": "attention.output.dense",
        "ls1.gamma": "layer_scale1.lambda1",
        "ls2.gamma": "layer_scale2.lambda1",
        "mlp.w12": "mlp.weights_in",
        "mlp.w3": "mlp.weights_out",
        "cls_token": "embeddings.cls_token",
        "mask_token": "embeddings.mask_token",
        "register_tokens": "embeddings.register_tokens",
        "pos_embed": "embeddings.position_embeddings",
        "patch_embed.proj": "embeddings.patch_embeddings.projection",
    }
    out = {}
    for key, tensor in to_meta_dinov2(state).items():
        if "qkv" in key:
            _, block, _, _, kind = key.split(".")
            for part, rows in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                out[f"encoder.layer.{block}.attention.attention.{part}.{kind}"] = rows.clone()
            continue
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        out["layernorm" + key.removeprefix("norm") if key.startswith("norm.") else key] = tensor
    return out


def to_timm(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return dict(state)


EXPORTERS = {
    "dinov3": {"Meta": to_meta_dinov3, "transformers": to_transformers_dinov3, "timm": to_timm},
    "dinov2": {"Meta": to_meta_dinov2, "transformers": to_transformers_dinov2, "timm": to_timm},
}


@pytest.fixture
def export() -> Callable[[DINOv2 | DINOv3, str], dict[str, Tensor]]:
    """Convert the encoder's weights to one publisher's layout."""

    def convert(encoder: DINOv2 | DINOv3, publisher: str) -> dict[str, Tensor]:
        state = {key: tensor.detach().clone() for key, tensor in encoder.backbone.state_dict().items()}
        return EXPORTERS[encoder.name.split("_")[0]][publisher](state)

    return convert


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, Tensor], str], Path]:
    """Write tensors as safetensors, or with torch.save if the name ends in ``.pth``."""

    def save(tensors: dict[str, Tensor], name: str = "weights.safetensors") -> Path:
        path = tmp_path / name
        if name.endswith(".pth"):
            torch.save(tensors, path)
        else:
            save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
        return path

    return save
