from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig

from ntt.runs.finished import run_tags


@pytest.fixture
def hydra_config(project_root, monkeypatch):
    """Make it look as if a command line were running, in a folder."""

    def set_up(mode, sweep, *words):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            words = [f"hydra.mode={mode}", f"hydra.sweep.dir={sweep}", *words]
            cfg = compose("train", words, return_hydra_config=True)
        config = HydraConfig()
        config.set_config(cfg)
        monkeypatch.setattr(HydraConfig, "instance", lambda *_: config)

    return set_up


@pytest.mark.parametrize(("mode", "group"), [("MULTIRUN", "12-00-00_sweep"), ("RUN", None)])
def test_jobs_of_a_sweep_are_grouped(hydra_config, mode, group):
    hydra_config(mode, "runs/today/12-00-00_sweep", "model=matching_baseline", "dataset=custom")
    run = run_tags(Path("runs/today/12-00-00_sweep/0_x"), "ntt.encoders.DINOv3", "dinov3_7b", False)
    assert (run.name, run.group) == ("0_x", group)
    assert run.tags == ["dinov3", "7b", "matching_baseline", "custom"]


@pytest.mark.parametrize(
    ("encoder_class", "name", "family", "size"),
    [
        ("ntt.encoders.DINOv2", "dinov2_large_reg", "dinov2", "large"),
        ("ntt.encoders.DINOv3", "dinov3_huge_plus", "dinov3", "huge_plus"),
        ("ntt.encoders.TimmEncoder", "vit_base", "timm", "vit_base"),
        ("ntt.encoders.EnsembleEncoder", "ensemble", "ensemble", "ensemble"),
    ],
)
def test_family_and_size_of_every_encoder(encoder_class, name, family, size):
    run = run_tags(Path("x"), encoder_class, name, random_weights=False)
    assert (run.family, run.size) == (family, size)


def test_an_untrained_encoder_is_of_no_family():
    assert run_tags(Path("x"), "ntt.encoders.DINOv3", "dinov3_nano", True).tags[:2] == [
        "untrained",
        "nano",
    ]
