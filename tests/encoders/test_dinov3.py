"""DINOv3 encoders: published architectures, the encoder interface, and user errors."""

import logging

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntt.encoders import DINOv3
from ntt.encoders.configs import DINOV3_CONFIGS, DINOv3Config
from ntt.encoders.dinov3_vit import DINOv3ViT
from ntt.errors import InputError

TIMM_NAMES = {
    "dinov3_small": "vit_small_patch16_dinov3_qkvb",
    "dinov3_small_plus": "vit_small_plus_patch16_dinov3_qkvb",
    "dinov3_base": "vit_base_patch16_dinov3_qkvb",
    "dinov3_large": "vit_large_patch16_dinov3_qkvb",
    "dinov3_huge_plus": "vit_huge_plus_patch16_dinov3_qkvb",
    "dinov3_7b": "vit_7b_patch16_dinov3",
}


def shapes(module):
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}


@pytest.mark.parametrize("name", TIMM_NAMES)
def test_architectures_match_timm(name):
    with torch.device("meta"):
        ours, theirs = DINOv3ViT(DINOV3_CONFIGS[name]), timm.create_model(TIMM_NAMES[name])
    biases = {key: shape for key, shape in shapes(ours).items() if key.endswith(("q_bias", "v_bias"))}
    assert shapes(ours) == shapes(theirs) | biases
    assert {m.eps for m in ours.modules() if isinstance(m, torch.nn.LayerNorm)} == {1e-5}


def test_giant_matches_the_published_architecture():
    with torch.device("meta"):
        giant = DINOv3ViT(DINOV3_CONFIGS["dinov3_giant"])
    assert len(giant.blocks) == 40
    assert giant.blocks[0].attn.num_heads == 24
    assert giant.blocks[0].mlp.fc1.weight.shape == (6144, 1536)
    assert giant.reg_token.shape == (1, 4, 1536)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 96)])
def test_features_are_the_patches_of_the_last_layer(make, height, width):
    encoder = make("dinov3_test")
    images = torch.rand(2, 3, height, width)
    features = encoder(images)
    assert features.shape == (2, height // 16, width // 16, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = (images - mean[:, None, None]) / std[:, None, None]
    (expected,) = encoder.backbone.forward_intermediates(pixels, 1, norm=True, intermediates_only=True)
    torch.testing.assert_close(features, expected.permute(0, 2, 3, 1))


def test_grid_rows_match_image_rows(make):
    encoder = make("dinov3_test")
    images = torch.rand(1, 3, 64, 64)
    changed = images.clone()
    changed[..., 48:, :16] = 0  # the patch in the last row and first column
    difference = (encoder(images) - encoder(changed)).abs().sum(-1)[0]
    assert difference.flatten().argmax() == 3 * 4


def test_rotary_embedding_is_float32_on_centred_axes(make):
    """Coordinates of patch centres run from -1 to 1 on each axis; periods are 100 ** (4 i / head width)."""
    rope = make("dinov3_test").backbone.rope
    sin, cos = rope.get_embed(shape=[2, 4]).chunk(2, dim=-1)
    rows, columns = torch.tensor([-0.5, 0.5]), torch.tensor([-0.75, -0.25, 0.25, 0.75])
    periods = 100.0 ** (torch.arange(4) / 4)
    angles = 2 * torch.pi * torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1)[..., None] / periods
    expected = angles.view(8, 8).tile(2)  # both halves of a head use the same angles
    assert sin.dtype == torch.float32
    torch.testing.assert_close(sin, expected.sin())
    torch.testing.assert_close(cos, expected.cos())


def test_custom_mean_and_std_change_features_and_fingerprint(make):
    images = torch.rand(1, 3, 32, 32)
    encoder = make("dinov3_test", 32)
    satellite = DINOv3(
        "dinov3_test", 32, weights="random", mean=(0.43, 0.411, 0.296), std=(0.213, 0.156, 0.143)
    )
    satellite.load_state_dict(encoder.state_dict())
    assert not torch.allclose(encoder(images), satellite(images))
    assert encoder.fingerprint != satellite.fingerprint


def test_random_weights_are_logged_and_the_default_size_is_224(small_variants, caplog):
    with caplog.at_level(logging.WARNING):
        encoder = DINOv3("dinov3_test", weights="random")
    assert encoder.img_size == 224
    assert encoder.random_weights
    assert encoder.weights_file is None
    assert "dinov3_test runs with random weights" in caplog.text


def test_encoder_is_frozen(make):
    encoder = make("dinov3_test")
    assert not encoder.training
    assert not encoder(torch.rand(1, 3, 32, 32)).requires_grad


def test_a_new_table_entry_adds_a_variant(monkeypatch):
    monkeypatch.setitem(DINOV3_CONFIGS, "dinov3_mine", DINOv3Config(embed_dim=48, depth=1, num_heads=3))
    assert DINOv3("dinov3_mine", 32, weights="random")(torch.rand(1, 3, 32, 32)).shape == (1, 2, 2, 48)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dinov3_Large", "Unknown DINOv3 model: dinov3_Large. Did you mean dinov3_large?"),
        ("dinov3_smal_plus", "Unknown DINOv3 model: dinov3_smal_plus. Did you mean dinov3_small_plus?"),
    ],
)
def test_a_misspelt_name_suggests_the_closest(name, message):
    with pytest.raises(InputError) as caught:
        DINOv3(name, weights="random")
    assert str(caught.value) == message


def test_an_unknown_name_lists_all_variants():
    with pytest.raises(InputError, match=r"Unknown DINOv3 model: resnet\. Known: dinov3_nano, dinov3_small,"):
        DINOv3("resnet", weights="random")


@pytest.fixture(scope="module")
def nano():
    return DINOv3("dinov3_nano", weights="random")


@given(size=st.integers(-5, 2000))
def test_an_invalid_size_lists_the_nearest_valid_sizes(nano, size):
    encoder = nano
    if size > 0 and size % 16 == 0:
        encoder.check_size(size, size)
        return
    with pytest.raises(InputError) as caught:
        encoder.check_size(size, size)
    valid = [int(word) for word in str(caught.value).split("sizes are ")[1].split(" and ")]
    assert valid
    for nearest in valid:
        encoder.check_size(nearest, nearest)
        assert abs(nearest - size) < 16 or size <= 0


def test_size_is_checked_at_construction_and_encoding(make):
    with pytest.raises(InputError, match=r"img_size 600 .* 592 and 608"):
        DINOv3("dinov3_nano", 600, weights="random")
    with pytest.raises(InputError, match=r"img_size 40 "):
        make("dinov3_test")(torch.rand(1, 3, 32, 40))


def test_fingerprint_depends_on_everything_that_changes_features(make):
    encoder = make("dinov3_test")
    original = encoder.fingerprint
    assert original == make("dinov3_test").fingerprint
    assert original != make("dinov3_test", 48).fingerprint
    assert original != make("dinov3_test_swiglu").fingerprint
    encoder.backbone.blocks[1].attn.v_bias[3] += 1e-3
    assert original != encoder.fingerprint
