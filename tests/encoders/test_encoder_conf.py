"""Encoder options on the command line."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate


@pytest.fixture
def build(project_root, tmp_path, monkeypatch):
    """Build the encoder that command line overrides configure."""
    monkeypatch.setenv("NTT_CACHE", str(tmp_path / "cache"))

    def from_words(*words):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            return instantiate(compose("train", list(words)).encoder)

    return from_words


def test_config_passes_all_feature_options(build, tmp_path):
    encoder = build(
        "encoder=dinov3_nano",
        "encoder.weights=random",
        "encoder.img_size=64",
        "encoder.layers=[-1,-3]",
        "encoder.merge=concat",
        "encoder.dtype=bfloat16",
        "encoder.debias.rank=3",
    )
    assert encoder(torch.rand(1, 3, 64, 64)).shape == (1, 4, 4, 2 * 192)
    assert len(list((tmp_path / "cache" / "positional").iterdir())) == 1


def test_config_with_repo_dir_uses_another_clone(build, project_root):
    words = ["encoder=dinov3_nano", "encoder.weights=random", "encoder.img_size=64"]
    cloned = build(*words, f"encoder.repo_dir={project_root / 'dinov3'}")
    assert cloned(torch.rand(1, 3, 64, 64)).shape == (1, 4, 4, 192)


def test_config_composes_an_ensemble_of_members(build):
    ensemble = build(
        "encoder=ensemble",
        "encoder@encoder.members.first=efficientnet_lite0",
        "encoder.members.first.img_size=64",
        "encoder.members.second.weights=random",
        "encoder.members.second.layers=[-2]",
        "encoder.members.second.img_size=96",
    )
    assert ensemble.name == "efficientnet_lite0+dinov3_nano"
    assert ensemble(torch.rand(1, 3, 96, 96)).shape == (1, 6, 6, 112 + 320 + 192)
    assert ensemble.random_weights


def test_config_accepts_any_timm_model(build):
    encoder = build(
        "encoder=timm",
        "encoder.model_name=vit_tiny_patch16_224",
        "encoder.img_size=64",
        "encoder.weights=random",
    )
    assert encoder.name == "vit_tiny_patch16_224"
    assert encoder(torch.rand(1, 3, 64, 64)).shape == (1, 4, 4, 192)
