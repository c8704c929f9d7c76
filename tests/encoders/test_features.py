"""Feature options: layers, merging, precision and compilation."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntt.encoders import DINOv2, DINOv3, TimmEncoder
from ntt.encoders.features import pick_layers
from ntt.errors import InputError

NAMES = ("dinov2_test", "dinov2_test_reg", "dinov3_test")


@pytest.fixture
def again(make, export, write):
    """Build an encoder with the weights of ``make`` and additional options."""

    def build(name, **options):
        path = write(export(make(name), "timm"), f"{name}.safetensors")
        cls, patch = (DINOv3, 16) if name.startswith("dinov3") else (DINOv2, 14)
        return cls(name, 4 * patch, weights=str(path), **options)

    return build


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_merged(again, name):
    first, last = again(name, layers=[0]), again(name)
    images = torch.rand(2, 3, first.img_size, 2 * first.img_size)
    parts = first(images), last(images)
    assert not torch.allclose(*parts)
    torch.testing.assert_close(again(name, layers=[-1, 0])(images), (parts[0] + parts[1]) / 2)
    both = again(name, layers=[0, 1], merge="concat")
    torch.testing.assert_close(both(images), torch.cat(parts, dim=-1))
    assert both.embed_dim == 2 * last.embed_dim


@pytest.mark.parametrize("name", NAMES)
def test_features_of_a_layer_pass_the_last_norm(make, again, name):
    """Features of a layer equal those of a model without the layers after it."""
    cut = make(name)
    images = torch.rand(1, 3, cut.img_size, cut.img_size)
    cut.backbone.blocks[1] = torch.nn.Identity()
    if name.startswith("dinov3"):
        cut.backbone.blocks[1].forward = lambda tokens, rope: tokens
    torch.testing.assert_close(again(name, layers=[0])(images), cut(images))


@given(depth=st.integers(1, 30), data=st.data())
def test_pick_layers_returns_sorted_indices(depth, data):
    asked = data.draw(st.lists(st.integers(-depth, depth - 1), min_size=1, unique_by=lambda n: n % depth))
    picked = pick_layers("x", asked, depth)
    assert list(picked) == sorted(range(depth)[number] for number in asked)


@pytest.mark.parametrize("layers", [[], [2], [-3], [1, 1], [1, -1]])
def test_invalid_layers_are_rejected(small_variants, layers):
    with pytest.raises(InputError, match=r"from 0 to 1, or from -1 to -2 to count from the end"):
        DINOv3("dinov3_test", 64, weights="random", layers=layers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"merge": "max"}, "encoder.merge=max is unknown: use mean or concat or concat_normalised"),
        ({"dtype": "float16"}, "encoder.dtype=float16 is unknown: use float32 or bfloat16"),
    ],
)
def test_unknown_merge_and_dtype_are_rejected(small_variants, options, message):
    for cls, name in ((DINOv3, "dinov3_test"), (DINOv2, "dinov2_test")):
        with pytest.raises(InputError) as caught:
            cls(name, weights="random", **options)
        assert str(caught.value) == message


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_features_are_close_and_weights_half_as_large(again, name):
    plain, short = again(name), again(name, dtype="bfloat16")
    images = torch.rand(1, 3, plain.img_size, 2 * plain.img_size)
    features = short(images)
    assert features.dtype == torch.float32
    error = (features - plain(images)).norm() / plain(images).norm()
    assert 0 < error < 0.05
    assert {parameter.dtype for parameter in short.parameters()} == {torch.bfloat16}
    assert short.fingerprint != plain.fingerprint


def test_rotary_embedding_stays_in_float32(again):
    short = again("dinov3_test", dtype="bfloat16")
    assert short.backbone.rope.periods.dtype == torch.float32
    torch.testing.assert_close(short.backbone.rope.periods, again("dinov3_test").backbone.rope.periods)


def test_bfloat16_works_with_batch_norm_statistics():
    torch.manual_seed(0)
    plain = TimmEncoder("lite", "tf_efficientnet_lite0", 16, 64, weights="random")
    torch.manual_seed(0)
    short = TimmEncoder("lite", "tf_efficientnet_lite0", 16, 64, weights="random", dtype="bfloat16")
    images = torch.rand(1, 3, 64, 64)
    error = (short(images) - plain(images)).norm() / plain(images).norm()
    assert 0 < error < 0.2


def test_compiled_features_are_the_same(again, monkeypatch):
    compiled = []

    def compile_eagerly(function):
        compiled.append(function)
        return torch._dynamo.optimize("eager")(function)

    plain = again("dinov3_test")
    monkeypatch.setattr(torch, "compile", compile_eagerly)
    quick = again("dinov3_test", compile=True)
    assert len(compiled) == 1
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(quick(images), plain(images))
    assert quick.fingerprint == plain.fingerprint


def test_fingerprint_depends_on_feature_options(again):
    options = [{}, {"layers": [0]}, {"layers": [0, 1]}, {"layers": [0, 1], "merge": "concat"}]
    assert len({again("dinov3_test", **option).fingerprint for option in options}) == len(options)
    assert again("dinov3_test", layers=[1]).fingerprint == again("dinov3_test").fingerprint
