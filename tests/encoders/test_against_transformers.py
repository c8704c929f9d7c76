"""Comparison with the transformers library, an independent implementation, for the same weights.

Skipped if transformers is not installed.
"""

import os

import pytest
import torch

from ntt.encoders import DINOv2, DINOv3
from ntt.encoders.configs import DINOV2_CONFIGS, DINOV3_CONFIGS, DINOv2Config, DINOv3Config

os.environ.setdefault("HF_HUB_OFFLINE", "1")
transformers = pytest.importorskip("transformers")

WIDTH, HEADS, DEPTH = 64, 4, 3
COMMON = {"hidden_size": WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": DEPTH}
DINOV3_SIZES = [(224, 224), (592, 592), (160, 272)]
DINOV2_SIZES = [(224, 224), (518, 518), (140, 266)]


def save(config, model_class, folder):
    """Save a model whose weights all affect the features, in the library's own format."""
    torch.manual_seed(0)
    model = model_class(config).eval()
    for name, parameter in model.named_parameters():
        if "norm" not in name or "bias" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return model


def assert_same_features(encoder, model, sizes, registers):
    for height, width in sizes:
        images = torch.rand(1, 3, height, width)
        with torch.no_grad():
            hidden = model(pixel_values=encoder.normalise(images)).last_hidden_state
        expected = hidden[:, 1 + registers :]
        error = (encoder(images).flatten(1, 2) - expected).norm() / expected.norm()
        assert error < 1e-4, f"{height} x {width}: relative error {error:.1e}"


@pytest.mark.parametrize("gated", [False, True])
def test_dinov3_features_match_transformers(monkeypatch, tmp_path, gated):
    config = transformers.DINOv3ViTConfig(
        **COMMON,
        intermediate_size=4 * WIDTH,
        num_register_tokens=4,
        use_gated_mlp=gated,
        hidden_act="silu" if gated else "gelu",
    )
    model = save(config, transformers.DINOv3ViTModel, tmp_path)
    ours = DINOv3Config(
        embed_dim=WIDTH,
        depth=DEPTH,
        num_heads=HEADS,
        ffn_layer="swiglu" if gated else "mlp",
        ffn_ratio=6.0 if gated else 4.0,
    )
    monkeypatch.setitem(DINOV3_CONFIGS, "dinov3_check", ours)
    encoder = DINOv3("dinov3_check", weights=str(tmp_path / "model.safetensors"))
    assert_same_features(encoder, model, DINOV3_SIZES, registers=4)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("registers", [0, 4])
def test_dinov2_features_match_transformers(monkeypatch, tmp_path, registers, gated):
    kwargs = COMMON | {"image_size": 518, "patch_size": 14, "use_swiglu_ffn": gated}
    if registers:
        config = transformers.Dinov2WithRegistersConfig(**kwargs, num_register_tokens=registers)
        model = save(config, transformers.Dinov2WithRegistersModel, tmp_path)
    else:
        model = save(transformers.Dinov2Config(**kwargs), transformers.Dinov2Model, tmp_path)
    ours = DINOv2Config(
        embed_dim=WIDTH,
        depth=DEPTH,
        num_heads=HEADS,
        ffn_layer="swiglu" if gated else "mlp",
        num_register_tokens=registers,
    )
    monkeypatch.setitem(DINOV2_CONFIGS, "dinov2_check", ours)
    encoder = DINOv2("dinov2_check", weights=str(tmp_path / "model.safetensors"))
    assert_same_features(encoder, model, DINOV2_SIZES, registers)
