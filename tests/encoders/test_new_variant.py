"""A new DINOv3 variant needs one table entry and one file in conf/encoder, see docs/extending.md."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from ntt.encoders.configs import DINOV3_CONFIGS, DINOv3Config
from ntt.encoders.inspect import main as inspect

ENTRY = DINOv3Config(embed_dim=48, depth=3, num_heads=3)
YAML = """
defaults:
  - options/dinov3@_here_

_target_: ntt.encoders.DINOv3
name: dinov3_tiny
img_size: 64
weights: ${paths.checkpoints}/dinov3/tiny.safetensors
"""


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Add the table entry and the config file; return the config folder."""
    monkeypatch.setitem(DINOV3_CONFIGS, "dinov3_tiny", ENTRY)
    (tmp_path / "conf" / "encoder").mkdir(parents=True)
    (tmp_path / "conf" / "encoder" / "dinov3_tiny.yaml").write_text(YAML)
    return tmp_path / "conf"


def build(project_root, added, *overrides):
    with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
        cfg = compose("train", [f"hydra.searchpath=[file://{added}]", "encoder=dinov3_tiny", *overrides])
    return instantiate(cfg.encoder)


def test_a_new_variant_can_be_selected_loaded_and_recognised(project_root, added, tmp_path, write, capsys):
    random = build(project_root, added, "encoder.weights=random")
    path = write(random.backbone.state_dict())
    loaded = build(project_root, added, f"encoder.weights={path}", "encoder.layers=[-1,-3]")
    images = torch.rand(1, 3, 64, 64)
    assert loaded(images).shape == (1, 4, 4, 48)
    assert not torch.allclose(loaded(images), random(images))
    assert inspect([str(path)]) == 0
    assert "dinov3_tiny in timm's layout" in capsys.readouterr().out
    hub = torch.hub.load(str(project_root / "dinov3"), "dinov3_tiny", source="local", weights=str(path))
    torch.testing.assert_close(
        hub.get_intermediate_layers(random.normalise(images), reshape=True)[0].permute(0, 2, 3, 1),
        random(images),
    )
