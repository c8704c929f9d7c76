"""The converter: what it writes, and what it does not write over."""

import importlib.util
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("convert", ROOT / "scripts" / "convert_legacy_config.py")
convert = importlib.util.module_from_spec(spec)
spec.loader.exec_module(convert)

CONFIG = """
model: {init_args: {model_cfg: {name: matching_baseline, encoder_cfg: {name: dinov3_base}}}}
trainer: {max_epochs: 1}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(convert, "ROOT", tmp_path)
    (tmp_path / "sample.yaml").write_text(CONFIG)
    return tmp_path / "sample.yaml"


def test_writes_an_experiment_of_that_name(file, tmp_path, capsys):
    convert.main([str(file)])
    written = (tmp_path / "conf" / "experiment" / "sample.yaml").read_text()
    assert written.startswith("# @package _global_\n")
    assert "#   trainer.max_epochs\n" in written
    assert yaml.safe_load(written) == {
        "defaults": [{"override /encoder": "dinov3_base"}, {"override /model": "matching_baseline"}],
        "encoder": {"img_size": 224},
    }
    assert "python train.py experiment=sample" in capsys.readouterr().out


def test_writes_over_nothing_unless_told(file, tmp_path, capsys):
    other = tmp_path / "other.yaml"
    other.write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        convert.main([str(file), "--output", str(other)])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert other.read_text() == "mine"
    convert.main([str(file), "--output", str(other), "--overwrite"])
    assert "dinov3_base" in other.read_text()


def test_bad_input_writes_nothing_and_is_one_line(file, tmp_path, capsys):
    file.write_text("model: {init_args: {model_cfg: {name: matcher}}}")
    with pytest.raises(SystemExit) as stopped:
        convert.main([str(file)])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "Unknown legacy model: matcher" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "conf").exists()
