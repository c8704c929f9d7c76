"""DINOv2 encoders: published architectures and position embeddings at other sizes."""

import pytest
import timm
import torch
import torch.nn.functional as F

from ntt.encoders import DINOv2
from ntt.encoders.configs import DINOV2_CONFIGS
from ntt.encoders.dinov2 import build_dinov2
from ntt.errors import InputError

SIZES = ("small", "base", "large", "giant")
TIMM_NAMES = {
    **{f"dinov2_{size}": f"vit_{size}_patch14_dinov2" for size in SIZES},
    **{f"dinov2_{size}_reg": f"vit_{size}_patch14_reg4_dinov2" for size in SIZES},
}


@pytest.mark.parametrize("name", TIMM_NAMES)
def test_architectures_match_timm(name):
    with torch.device("meta"):
        ours = build_dinov2(DINOV2_CONFIGS[name])
        theirs = timm.create_model(TIMM_NAMES[name], img_size=518, num_classes=0)
    shapes = [{key: t.shape for key, t in model.state_dict().items()} for model in (ours, theirs)]
    assert shapes[0] == shapes[1]
    assert len(ours.blocks[0].attn.qkv.weight) // ours.blocks[0].attn.num_heads == 3 * 64
    assert str(ours.blocks[0].mlp.act) == str(theirs.blocks[0].mlp.act)


def test_every_published_variant_is_listed():
    assert set(TIMM_NAMES) | {"dinov2_nano"} == set(DINOV2_CONFIGS)


@pytest.mark.parametrize("name", ["dinov2_test", "dinov2_test_reg", "dinov2_test_swiglu"])
def test_features_at_the_trained_grid_match_timm(make, name):
    encoder = make(name, 70)
    images = torch.rand(2, 3, 70, 70)
    (expected,) = encoder.backbone.forward_intermediates(
        encoder.normalise(images), 1, norm=True, intermediates_only=True
    )
    features = encoder(images)
    assert features.shape == (2, 5, 5, 28)
    torch.testing.assert_close(features, expected.permute(0, 2, 3, 1))


@pytest.mark.parametrize(("name", "antialias"), [("dinov2_test", False), ("dinov2_test_reg", True)])
def test_positions_of_smaller_grids_are_interpolated(make, name, antialias):
    """Compare with an encoder built for the interpolated grid; antialiased only with registers."""
    encoder, native = make(name, 70), make(name, 70)
    positions = native.backbone.pos_embed
    prefix, grid = positions[:, :-25], positions[:, -25:].view(1, 5, 5, 28).permute(0, 3, 1, 2)
    resized = F.interpolate(grid, size=(3, 4), mode="bicubic", antialias=antialias)
    native.backbone.pos_embed = torch.nn.Parameter(
        torch.cat([prefix, resized.flatten(2).transpose(1, 2)], dim=1), requires_grad=False
    )
    native.backbone.dynamic_img_size = False
    native.backbone.patch_embed.strict_img_size = False
    native.backbone.patch_embed.flatten = True
    images = torch.rand(1, 3, 42, 56)
    expected = native.backbone.forward_features(native.normalise(images))
    torch.testing.assert_close(
        encoder(images).flatten(1, 2), expected[:, encoder.backbone.num_prefix_tokens :]
    )


def test_features_depend_on_position(make):
    """A constant image has different features at different positions."""
    features = make("dinov2_test", 70)(torch.full((1, 3, 70, 70), 0.5))
    assert (features[0, 0, 0] - features[0, 4, 4]).abs().max() > 1e-2


def test_an_unknown_name_is_rejected():
    with pytest.raises(InputError) as caught:
        DINOv2("dinov2_larg", weights="random")
    assert str(caught.value) == "Unknown DINOv2 model: dinov2_larg. Did you mean dinov2_large?"


def test_an_invalid_size_is_rejected():
    with pytest.raises(InputError, match=r"img_size 512 is invalid for dinov2_nano.* 504 and 518"):
        DINOv2("dinov2_nano", 512, weights="random")
