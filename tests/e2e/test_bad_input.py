"""Bad input gets one clear line, exit code 2 and no traceback."""

import json

import pytest


def edit(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def remove_image(root):
    (root / "references" / "0.png").unlink()


def break_image(root):
    (root / "references" / "1.png").write_bytes(b"no picture")


def orphan_annotation(root):
    edit(root / "targets.json", lambda content: content["annotations"][0].update(image_id=99))


def forget_class(root):
    def change(content):
        content["annotations"] = [a for a in content["annotations"] if a["category_id"] == 3]

    edit(root / "references.json", change)


def empty_mask(root):
    nothing = {"size": [96, 96], "counts": [96 * 96]}  # an empty list would leave the box to speak for it
    edit(root / "references.json", lambda content: content["annotations"][0].update(segmentation=nothing))


def truncate_json(root):
    file = root / "references.json"
    file.write_text(file.read_text()[:-20])


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (remove_image, ["0.png"]),
        (break_image, ["1.png"]),
        (orphan_annotation, ["targets.json", "99"]),
        (forget_class, ["references.json", "bar"]),
        (empty_mask, ["references.json", "1"]),
        (truncate_json, ["references.json"]),
    ],
)
def test_spoilt_data(train, miniature, spoil, named):
    spoil(miniature)
    result = train()
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert all(word in result.stderr for word in named), result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    # Found before any model is built.
    assert "random weights" not in result.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["encoder=dinov3_Large"], "Unknown DINOv3 model: dinov3_Large. Did you mean dinov3_large?\n"),
        (["dataset.limt=1"], "Unknown key: dataset.limt. Did you mean dataset.limit?\n"),
        (["dataset.target_file=???"], "dataset.target_file has no value: add dataset.target_file=<value>\n"),
    ],
)
def test_misspelt_command_lines(train, words, line):
    result = train(*words)
    assert (result.returncode, result.stderr) == (2, line)


def test_absent_weights_name_the_file_and_the_command(train):
    result = train("encoder=dinov3_large", "encoder.weights=nowhere/dinov3.pth")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "nowhere/dinov3.pth" in result.stderr
    assert "scripts/download_checkpoints.py" in result.stderr


def test_debug_shows_where_it_was_found(train, miniature):
    truncate_json(miniature)
    result = train("ntt.debug=true")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


LIGHTNING = """
class Callback: pass

class Trainer:
    def __init__(self, **_): pass
"""
OWN = """
from lightning.pytorch import Callback

class Mine(Callback): pass
"""


@pytest.mark.parametrize(
    ("word", "start"),
    [
        (
            "+callbacks.mine._target_=mine.Mine",
            "callbacks.mine: mine.Mine inherits from lightning.pytorch.Callback",
        ),
        ("trainer._target_=lightning.pytorch.Trainer", "trainer: lightning.pytorch.Trainer"),
    ],
)
def test_classes_of_lightning_are_refused_in_one_line(train, miniature, monkeypatch, word, start):
    (miniature / "lightning" / "pytorch").mkdir(parents=True)
    (miniature / "lightning" / "__init__.py").touch()
    (miniature / "lightning" / "pytorch" / "__init__.py").write_text(LIGHTNING)
    (miniature / "mine.py").write_text(OWN)
    monkeypatch.setenv("PYTHONPATH", str(miniature))
    result = train(word)
    line = f"{start}; use pytorch_lightning in place of lightning\n"
    assert (result.returncode, result.stderr) == (2, line)
    assert "random weights" not in result.stdout, "before any model is built"
