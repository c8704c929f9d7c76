"""The script that fills the table of docs/encoders.md."""

import importlib.util
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("measure", ROOT / "scripts" / "measure_encoder_options.py")
measure = importlib.util.module_from_spec(spec)
spec.loader.exec_module(measure)


@pytest.mark.parametrize("row", measure.ROWS)
def test_every_row_is_a_run_that_composes(row):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        assert compose("train", row.split()).encoder._target_


def test_the_table_is_written_between_its_marks(monkeypatch, tmp_path):
    document = tmp_path / "encoders.md"
    document.write_text(measure.DOCUMENT.read_text())
    monkeypatch.setattr(measure, "DOCUMENT", document)
    monkeypatch.setattr(measure, "ROWS", ("encoder=a", "encoder=b x=1"))
    runs = []

    def run(words, folder):
        runs.append(words)
        return {"segm": {"AP": 0.1234, "AP50": None}, "bbox": {"AP": 0.5}}

    monkeypatch.setattr(measure, "run", run)
    measure.main(["dataset.limit=2"])
    measure.main([])
    text = document.read_text()
    assert text.count("| `encoder=b x=1` | 12.3 | - | 50.0 |") == 1
    assert text.startswith("# Encoders")
    assert "How to add a variant" in text
    assert runs[1] == ["encoder=b", "x=1", "dataset.limit=2"]
