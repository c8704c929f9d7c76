"""The command line of the converters; what they make of their formats is tested beside them."""

import importlib.util
import json
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def convert(monkeypatch, capsys, tmp_path):
    """Call the script in a folder; returns its exit code and what it says."""
    file = ROOT / "scripts" / "convert_dataset.py"
    spec = importlib.util.spec_from_file_location("convert_dataset", file)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr("sys.argv", [str(file), *words])
        try:
            script.main()
        except SystemExit as end:
            code = end.code
        else:
            code = 0
        said = capsys.readouterr()
        return code, (said.out if code == 0 else said.err).splitlines()

    return call


@pytest.fixture
def yolo(tmp_path):
    """Two boxes and a polygon, one of the boxes without width."""
    folder = tmp_path / "pets"
    folder.mkdir()
    Image.new("RGB", (40, 30)).save(folder / "a.jpg")
    (folder / "classes.txt").write_text("cat\ndog\n")
    lines = ["0 0.5 0.5 0.5 0.5", "1 0.1 0.1 0.6 0.1 0.6 0.5 0.1 0.5", "0 0.5 0.5 0 0.5"]
    (folder / "a.txt").write_text("\n".join(lines))
    return folder


def test_a_file_is_written_whole_or_not_at_all(convert, yolo, tmp_path):
    code, said = convert("yolo", "pets", "out/pets.json")
    assert (code, len(said)) == (2, 1)
    assert said[0].startswith("pets/a.txt: line 3: box is ")
    assert said[0].endswith("; correct it, or skip broken entries with --skip-broken")
    assert not (tmp_path / "out").exists()

    code, said = convert("yolo", "pets", "out/pets.json", "--skip-broken")
    assert code == 0
    assert said[0] == (
        "out/pets.json: 1 images, 2 objects (1 with a mask, 1 with a box or points) of 2 classes: cat, dog"
    )
    assert said[1].startswith("skipped: 1 x invalid, for example pets/a.txt: line 3")
    assert "dataset.reference_file=out/pets.json dataset.reference_images=pets" in said[2]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["pets.json"]
    assert len(json.loads((tmp_path / "out" / "pets.json").read_text())["annotations"]) == 2


def test_a_file_is_replaced_only_when_told_to(convert, yolo, tmp_path):
    (tmp_path / "pets.json").write_text("mine")
    words = ("yolo", "pets", "pets.json", "--skip-broken")
    assert convert(*words) == (
        2,
        ["pets.json already exists; choose another file, or replace it with --force"],
    )
    assert (tmp_path / "pets.json").read_text() == "mine"
    assert convert(*words, "--force")[0] == 0
    assert json.loads((tmp_path / "pets.json").read_text())["images"]


def test_nothing_to_convert(convert, yolo):
    (yolo / "a.txt").write_text("")
    assert convert("yolo", "pets", "pets.json") == (
        2,
        ["pets: the files contain no annotated object"],
    )
    assert convert("voc", "nowhere", "pets.json") == (2, ["nowhere: folder not found; correct the path"])
    assert convert("coco", "pets", "pets.json")[0] == 2


def test_options_of_single_formats(convert, yolo, tmp_path):
    (yolo / "classes.txt").rename(tmp_path / "names.txt")
    code, said = convert("yolo", "pets", "a.json", "--names", "names.txt", "--skip-broken")
    assert (code, said[0].rpartition(": ")[2]) == (0, "cat, dog")
    (yolo / "painted").mkdir()
    mask = Image.new("L", (40, 30))
    mask.paste(255, (5, 5, 20, 20))
    mask.save(yolo / "painted" / "a.png")
    code, said = convert("masks", "pets", "b.json", "--masks", "painted", "--category", "pet")
    assert (code, said[0].rpartition(": ")[2]) == (0, "pet")
