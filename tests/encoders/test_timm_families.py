"""Other timm model families: transformers, DINOv3's ConvNeXt, windowed attention."""

import pytest
import timm
import torch

from ntt.encoders import TimmEncoder
from ntt.errors import InputError

# The smallest model of each family.
KINDS = {
    "vit_tiny_patch16_224": (16, 192, 64),
    "eva02_tiny_patch14_224": (14, 192, 56),
    "deit3_small_patch16_224": (16, 384, 64),
    "convnext_atto": (16, 160, 64),
    "swin_tiny_patch4_window7_224": (16, 384, 224),
}


@pytest.fixture(scope="module")
def vit():
    return TimmEncoder("vit", "vit_tiny_patch16_224", None, 64, weights="random")


@pytest.mark.parametrize("model_name", KINDS)
def test_model_families_implement_the_encoder_interface(model_name):
    stride, channels, img_size = KINDS[model_name]
    encoder = TimmEncoder(model_name, model_name, None, img_size, weights="random")
    assert (encoder.patch_size, encoder.embed_dim) == (stride, channels)
    side = img_size // stride
    assert encoder(torch.rand(1, 3, img_size, img_size)).shape == (1, side, side, channels)


@pytest.mark.parametrize(
    "model_name", ["vit_base_patch16_siglip_512.v2_webli", "convnext_tiny.dinov3_lvd1689m"]
)
def test_a_model_name_with_a_weights_tag_builds_without_weights(model_name):
    with torch.device("meta"):
        encoder = TimmEncoder(model_name, model_name, None, 512, weights="random")
    assert encoder.patch_size == 16


def test_transformer_features_pass_the_norm_and_exclude_the_class_token(vit):
    images = torch.rand(1, 3, 64, 96)
    features = vit(images)
    assert features.shape == (1, 4, 6, 192)
    expected = vit.backbone.forward_features(vit.normalise(images))[:, 1:].unflatten(1, (4, 6))
    torch.testing.assert_close(features, expected)


def test_mean_and_std_default_to_those_of_the_weights(vit):
    assert vit.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    convnext = TimmEncoder("convnext", "convnext_atto", None, 64, weights="random")
    assert convnext.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_layers_of_a_transformer_can_be_combined():
    torch.manual_seed(0)
    both = TimmEncoder(
        "vit", "vit_tiny_patch16_224", None, 64, weights="random", layers=[2, 5], merge="concat"
    )
    assert both.embed_dim == 2 * 192
    assert len(both.backbone.blocks) == 6  # later blocks are removed
    images = torch.rand(1, 3, 64, 64)
    maps = both.backbone.forward_intermediates(
        both.normalise(images), [2, 5], norm=True, intermediates_only=True
    )
    torch.testing.assert_close(both(images), torch.cat(maps, 1).permute(0, 2, 3, 1))


def test_layers_of_a_cnn_are_limited_to_its_stride():
    with pytest.raises(InputError, match=r"encoder\.layers=\[-2\] is invalid for atto"):
        TimmEncoder("atto", "convnext_atto", 16, 64, weights="random", layers=[-2])


def test_pretrained_weights_are_downloaded_by_timm(monkeypatch):
    asked = {}
    create = timm.create_model

    def fetch(model_name, pretrained, **options):
        asked[model_name] = pretrained
        return create(model_name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", fetch)
    encoder = TimmEncoder("vit", "vit_tiny_patch16_224", None, 64, weights="pretrained")
    assert asked == {"vit_tiny_patch16_224": True}
    assert not encoder.random_weights

    def fail(model_name, **options):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(InputError) as caught:
        TimmEncoder("vit", "vit_tiny_patch16_224", None, 64, weights="pretrained")
    assert str(caught.value) == (
        "timm cannot build vit_tiny_patch16_224 with encoder.weights=pretrained: no route; "
        "without network access, use a local file with encoder.weights=FILE"
    )


def test_a_model_without_feature_maps_is_rejected():
    with pytest.raises(InputError, match=r"no intermediate feature maps|no feature map of stride"):
        TimmEncoder("mixer", "resmlp_12_224", 8, 64, weights="random")
