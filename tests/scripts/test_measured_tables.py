"""The scripts that fill tables of the documents."""

import importlib.util
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from benchmarks import documents

ROOT = Path(__file__).resolve().parents[2]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


options, matching = script("measure_encoder_options"), script("measure_matching")
ROWS = [*options.ROWS, *(words for variants, _ in matching.TABLES.values() for words in variants)]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_a_run_that_composes(row):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        assert compose("train", row.split()).model._target_


@pytest.fixture
def runs(monkeypatch):
    """Words of the runs that were asked for; none is made."""
    asked = []
    precision = {"AP": 0.1234, "AP50": None}
    open_set = {"precision": 0.5, "recall": 0.25, "absent_silent": 1.0, "absent_instances": 1.25}
    metrics = {"segm": precision, "bbox": {"AP": 0.5}, "open_set": open_set}
    metrics["oracle"] = {"true_masks": {"segm": precision}}

    def run(train, words, folder):
        asked.append(list(words))
        return metrics

    for module in (options, matching):
        monkeypatch.setattr(module, "run_main_job", run)
    return asked


@pytest.mark.parametrize(
    ("module", "lines"),
    [
        (options, ["| `encoder=ensemble` | 12.3 | - | 50.0 |"]),
        (
            matching,
            [
                "| `model=guided` | 12.3 | - | 50.0 | 12.3 |",
                "| `dataset.classes=[boat,bird,apple,car]` | 50.0 | 25.0 | 100.0 | 1.2 |",
            ],
        ),
    ],
    ids=["encoders", "matching"],
)
def test_tables_are_written_between_their_marks(module, lines, runs, monkeypatch, tmp_path):
    document = tmp_path / "document.md"
    document.write_text(module.DOCUMENT.read_text())
    monkeypatch.setattr(module, "DOCUMENT", document)
    module.main(["dataset.limit=2"])
    assert "Measured with `dataset.limit=2`" in document.read_text()
    module.main([])
    text = document.read_text()
    for each in lines:
        assert text.count(each) == 1
    assert "dataset.limit" not in text
    assert text.splitlines()[0] == module.DOCUMENT.read_text().splitlines()[0]
    assert runs[0][-1] == "dataset.limit=2"


def test_a_document_without_the_marks_is_left_alone(tmp_path):
    document = tmp_path / "document.md"
    document.write_text("# Nothing measured\n")
    with pytest.raises(ValueError, match="unpack"):
        documents.write_table(document, "options", [])
    assert document.read_text() == "# Nothing measured\n"
