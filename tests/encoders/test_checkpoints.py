"""Checkpoint loading: equal features from every layout, and errors for mismatched files."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from ntt.encoders import DINOv2, DINOv3
from ntt.encoders.checkpoints import read_checkpoint
from ntt.errors import InputError

NAMES = ["dinov3_test", "dinov3_test_swiglu", "dinov2_test", "dinov2_test_reg", "dinov2_test_swiglu"]
PUBLISHERS = ["Meta", "transformers", "timm"]


def load(name, path, **kwargs):
    return (DINOv3 if name.startswith("dinov3") else DINOv2)(name, weights=str(path), **kwargs)


@pytest.mark.parametrize("publisher", PUBLISHERS)
@pytest.mark.parametrize("name", NAMES)
def test_load_from_each_layout_gives_the_same_features(make, export, write, name, publisher):
    encoder = make(name)
    images = torch.rand(2, 3, 4 * encoder.patch_size, 3 * encoder.patch_size)
    loaded = load(name, write(export(encoder, publisher)))
    torch.testing.assert_close(loaded(images), encoder(images), rtol=1e-4, atol=1e-5)
    assert not loaded.random_weights
    assert not any(tensor.is_meta for tensor in [*loaded.parameters(), *loaded.buffers()])
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


@pytest.mark.parametrize("publisher", PUBLISHERS)
@pytest.mark.parametrize("name", NAMES)
def test_layout_and_variant_are_recognised(make, export, write, name, publisher):
    checkpoint = read_checkpoint(write(export(make(name), publisher)))
    assert checkpoint.layout.publisher == publisher
    assert checkpoint.layout.family.lower() == name.split("_")[0]
    assert checkpoint.variants == (name,)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"teacher": s, "student": {}, "epoch": 3},
        lambda s: {"model": s},
        lambda s: {"state_dict": {f"model.backbone.{key}": t for key, t in s.items()}},
        lambda s: {
            "teacher": {f"backbone.{key}": t for key, t in s.items()} | {"dino_head.w": torch.ones(3)}
        },
        lambda s: {f"module.{key}": t for key, t in s.items()},
        lambda s: (
            {f"teacher.{key}": t for key, t in s.items()}
            | {f"student.{key}": torch.zeros_like(t) for key, t in s.items()}
        ),
    ],
)
def test_load_accepts_wrappers_and_prefixes(make, export, write, wrap):
    encoder = make("dinov3_test")
    images = torch.rand(1, 3, 64, 64)
    loaded = load("dinov3_test", write(wrap(export(encoder, "Meta")), "weights.pth"))
    torch.testing.assert_close(loaded(images), encoder(images), rtol=1e-4, atol=1e-5)


def test_fingerprint_is_the_same_for_every_layout(make, export, write):
    encoder = make("dinov3_test")
    prints = {
        load("dinov3_test", write(export(encoder, publisher), f"{publisher}.safetensors")).fingerprint
        for publisher in ("transformers", "timm")
    }
    assert len(prints) == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
def test_half_precision_files_become_float32(make, export, write, dtype, name):
    tensors = {key: t.to(dtype) for key, t in export(make("dinov3_test"), "Meta").items()}
    loaded = load("dinov3_test", write(tensors, name))
    assert {t.dtype for t in [*loaded.parameters(), *loaded.buffers()]} == {torch.float32}
    expected = tensors["blocks.1.mlp.fc1.weight"].float()
    assert torch.equal(loaded.backbone.blocks[1].mlp.fc1.weight, expected)


def test_load_uses_the_rope_periods_of_metas_file(make, export, write):
    tensors = export(make("dinov3_test"), "Meta")
    tensors["rope_embed.periods"] = tensors["rope_embed.periods"].bfloat16()
    loaded = load("dinov3_test", write(tensors))
    assert torch.equal(loaded.backbone.rope.periods, tensors["rope_embed.periods"].float())


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_load_fills_missing_biases_with_zeros(make, export, write, publisher):
    encoder = make("dinov3_test")
    for block in encoder.backbone.blocks:
        block.attn.q_bias.zero_()
        block.attn.v_bias.zero_()
    dropped = ("q_bias", "v_bias", "qkv.bias", "qkv.bias_mask", "q_proj.bias", "v_proj.bias")
    tensors = {k: t for k, t in export(encoder, publisher).items() if not k.endswith(dropped)}
    images = torch.rand(1, 3, 64, 64)
    loaded = load("dinov3_test", write(tensors))
    torch.testing.assert_close(loaded(images), encoder(images), rtol=1e-4, atol=1e-5)


def test_fused_bias_without_a_mask_drops_the_key_bias(make, export, write):
    encoder = make("dinov3_test")
    tensors = {k: t for k, t in export(encoder, "Meta").items() if not k.endswith("bias_mask")}
    images = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(
        load("dinov3_test", write(tensors))(images), encoder(images), rtol=1e-4, atol=1e-5
    )


def test_load_ignores_the_norm_of_local_crops(make, export, write):
    encoder = make("dinov3_test")
    tensors = export(encoder, "Meta")
    tensors |= {"local_cls_norm.weight": torch.full((32,), 3.0), "local_cls_norm.bias": torch.ones(32)}
    loaded = load("dinov3_test", write(tensors))
    images = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(loaded(images), encoder(images), rtol=1e-4, atol=1e-5)


def test_load_joins_transformers_shards(make, export, tmp_path):
    encoder = make("dinov3_test")
    tensors = export(encoder, "transformers")
    keys = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": keys[::2], "model-00002-of-00002.safetensors": keys[1::2]}
    for part, names in parts.items():
        save_file({key: tensors[key].contiguous() for key in names}, tmp_path / part)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"weight_map": {key: part for part, names in parts.items() for key in names}})
    )
    images = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(load("dinov3_test", index)(images), encoder(images), rtol=1e-4, atol=1e-5)


# Rejected files


def refusal(name, path):
    with pytest.raises(InputError) as caught:
        load(name, path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_mismatch_error_names_the_detected_variant(make, export, write):
    path = write(export(make("dinov3_test_swiglu"), "Meta"))
    message = refusal("dinov3_test", path)
    assert "dinov3_test_swiglu in Meta's layout, but dinov3_test was requested" in message
    assert "no blocks.0.mlp.fc1.weight" in message
    assert "use encoder=dinov3_test_swiglu" in message


def test_mismatch_error_names_the_detected_family(make, export, write):
    message = refusal("dinov3_test", write(export(make("dinov2_test"), "transformers")))
    assert "dinov2_test in transformers's layout" in message


def test_mismatch_error_lists_wrong_shapes(make, export, write):
    tensors = export(make("dinov2_test"), "timm")
    tensors["norm.weight"] = torch.ones(29)
    assert "norm.weight is 29 instead of 28" in refusal("dinov2_test", write(tensors))


def test_mismatch_error_reports_an_unknown_size(make, export, write):
    tensors = {k: t for k, t in export(make("dinov2_test"), "Meta").items() if not k.startswith("blocks.1")}
    message = refusal("dinov2_test", write(tensors))
    assert "a DINOv2 of unknown size (28 wide, 1 deep)" in message
    assert "no blocks.1.norm1.weight" in message


def test_mismatch_error_uses_the_keys_of_the_file(make, export, write):
    tensors = export(make("dinov3_test"), "transformers")
    del tensors["layer.1.norm2.bias"]
    tensors["layer.0.attention.extra"] = torch.ones(1)
    message = refusal("dinov3_test", write(tensors))
    assert "2 keys do not fit (no layer.1.norm2.bias, unknown layer.0.attention.extra)" in message


def test_a_single_missing_bias_is_rejected(make, export, write):
    tensors = export(make("dinov3_test"), "timm")
    del tensors["blocks.1.attn.q_bias"]
    assert "no blocks.1.attn.q_bias" in refusal("dinov3_test", write(tensors))


def test_an_unmasked_key_bias_is_rejected(make, export, write):
    tensors = export(make("dinov3_test"), "Meta")
    tensors["blocks.0.attn.qkv.bias_mask"] = torch.ones(96)
    assert "unknown blocks.0.attn.k_bias" in refusal("dinov3_test", write(tensors))
    tensors["blocks.0.attn.qkv.bias_mask"] = torch.full((96,), torch.nan)
    assert "unknown blocks.0.attn.qkv.bias," in refusal("dinov3_test", write(tensors))


def test_weights_of_another_architecture_are_rejected(write, small_variants):
    message = refusal("dinov3_test", write({"image_encoder.trunk.pos_embed": torch.zeros(1, 3)}))
    assert (
        "has no known layout of DINOv2 or DINOv3 weights: its keys are image_encoder.trunk.pos_embed"
        in message
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_the_tensors_is_an_input_error(make, export, tmp_path, data):
    """A file with one dropped, renamed or reshaped tensor is never loaded and gives a one-line error."""
    name = data.draw(st.sampled_from(NAMES))
    tensors = export(make(name), data.draw(st.sampled_from(PUBLISHERS)))
    unused = ("mask_token", "bias_mask", "periods")
    key = data.draw(st.sampled_from(sorted(k for k in tensors if not k.endswith(unused))))
    damaged = tensors.pop(key)
    shape = data.draw(st.sampled_from([None, (), (1,), (3, 5), (2, 2, 2, 2)]))
    if shape is not None:
        tensors[key if data.draw(st.booleans()) else f"{key}x"] = torch.zeros(shape)
    path = Path(tmp_path) / "damaged.safetensors"
    save_file({k: t.contiguous() for k, t in tensors.items()}, path)
    assert damaged.shape != shape
    with pytest.raises(InputError, match=r"do not fit|no known layout"):
        load(name, path)
