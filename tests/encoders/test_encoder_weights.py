"""Missing weights: errors that name the expected file and how to get it."""

from dataclasses import replace

import pytest
import torch

from ntt.encoders import DINOv2, DINOv3, TimmEncoder
from ntt.encoders.configs import DINOV3_CONFIGS
from ntt.encoders.weights import Release, find_weights
from ntt.errors import InputError

OFFICIAL = "dinov3_vitt16_pretrain_lvd1689m-12345678.pth"


def refusal(cls, name, weights):
    with pytest.raises(InputError) as caught:
        cls(name, weights=str(weights))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_missing_published_weights_advise_a_download(tmp_path):
    path = tmp_path / DINOV3_CONFIGS["dinov3_large"].checkpoint
    message = refusal(DINOv3, "dinov3_large", path)
    assert f"No weights of dinov3_large at {path} (nor dinov3_vitl16_pretrain" in message
    assert "vit_large_patch16_dinov3.lvd1689m.safetensors" in message
    assert message.endswith("python scripts/download_checkpoints.py encoder=dinov3_large")
    assert refusal(DINOv2, "dinov2_base_reg", tmp_path / "x.pth") == (
        f"No weights of dinov2_base_reg at {tmp_path / 'x.pth'}; "
        "download them with: python scripts/download_checkpoints.py encoder=dinov2_base_reg"
    )


def test_missing_unreleased_weights_advise_other_variants(tmp_path):
    message = refusal(DINOv3, "dinov3_giant", tmp_path / "giant.pth")
    assert "none were released for dinov3_giant" in message
    assert "encoder=dinov3_huge_plus or encoder=dinov3_7b" in message


def test_missing_nano_weights_advise_a_git_checkout(tmp_path):
    assert "git checkout -- checkpoints/nano" in refusal(DINOv3, "dinov3_nano", tmp_path / "nano.safetensors")


def test_missing_weights_of_a_user_variant_advise_a_file(small_variants, tmp_path):
    message = refusal(DINOv3, "dinov3_test", tmp_path / "mine.pth")
    assert message.endswith("use your own with encoder.weights=FILE")


def test_rehosted_weights_replace_the_official_file(make, export, write, monkeypatch):
    encoder = make("dinov3_test")
    config = replace(
        DINOV3_CONFIGS["dinov3_test"], checkpoint="official-12345678.pth", rehost="timm/vit_test"
    )
    monkeypatch.setitem(DINOV3_CONFIGS, "dinov3_test", config)
    path = write(export(encoder, "timm"), "vit_test.safetensors")
    loaded = DINOv3("dinov3_test", weights=str(path.with_name("official-12345678.pth")))
    assert loaded.weights_file == path
    images = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(loaded(images), encoder(images))
    refusal(DINOv3, "dinov3_test", path.with_name("another.pth"))


@pytest.mark.parametrize("there", ["dinov3_vitt16_pretrain.pth", "vit_test.safetensors"])
@pytest.mark.parametrize("asked", [OFFICIAL, "dinov3_vitt16_pretrain.pth"])
def test_a_file_may_have_any_of_its_names(tmp_path, there, asked):
    release = Release("dinov3_test", "published", OFFICIAL, ("timm/vit_test",))
    (tmp_path / there).touch()
    assert find_weights(str(tmp_path / asked), release) == tmp_path / there
    with pytest.raises(InputError, match=r"No weights of dinov3_test at \S+/mine\.pth; download them"):
        find_weights(str(tmp_path / "mine.pth"), release)


@pytest.mark.parametrize("weights", [None, ""])
def test_empty_weights_are_rejected(weights):
    with pytest.raises(InputError, match=r"encoder\.weights is empty"):
        DINOv3("dinov3_nano", weights=weights)
    with pytest.raises(InputError, match=r"encoder\.weights is empty"):
        TimmEncoder("lite", "tf_efficientnet_lite0", 16, weights=weights)
