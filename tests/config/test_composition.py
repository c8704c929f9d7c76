from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ntt.config import composition
from ntt.config.composition import compose_config


@pytest.mark.parametrize("folder", ["plain", "it's, a=[strange] {folder}"])
def test_paths_may_be_called_anything(tmp_path, monkeypatch, folder):
    monkeypatch.setattr(composition, "user_root", lambda: tmp_path / folder)
    cfg = compose_config("predict", ["encoder=dinov2_large"])
    assert Path(cfg.paths.checkpoints) == tmp_path / folder / "checkpoints"
    assert cfg.model.encoder.weights.startswith(f"{tmp_path}/{folder}/checkpoints/dinov2/")


def test_a_word_of_the_caller_wins(tmp_path):
    assert compose_config("predict", [f"paths.root={tmp_path}"]).paths.data == f"{tmp_path}/data"


def test_what_comes_with_ntt_is_there_whatever_the_root(tmp_path):
    cfg = compose_config("train", [f"paths.root={tmp_path}"])
    OmegaConf.resolve(cfg)
    for file in (cfg.encoder.weights, cfg.segmenter.weights, cfg.dataset.reference_file):
        assert Path(file).is_file()


def test_commands_find_a_checkout_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = Path(__file__).resolve().parents[2]
    assert (composition.INSTALLED, composition.user_root(), composition.CONF) == (False, root, root / "conf")
