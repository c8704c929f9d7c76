"""Pictures that cannot be read do not end a run: real runs, with untrained models."""

import json

import numpy as np
import pytest
from PIL import Image

from ntt.errors import InputError
from whole_runs import whole_run

SQUARE = [[10, 10, 40, 10, 40, 40, 10, 40]]
REASONS = {
    "cut.jpg": "cannot be read as an image (image file is truncated",
    "empty.png": "cannot be read as an image (cannot identify image file",
    "text.jpg": "cannot be read as an image (cannot identify image file",
    "huge.png": "has more than 64 million pixels; resize it or raise max_megapixels",
    "gone.png": "image not found; correct the path or add the file",
}


def spoil(folder):
    """Add to three sound targets five that cannot be read, each with an object, and one of a single pixel."""
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    Image.fromarray(noise).save(folder / "targets/cut.jpg")
    (folder / "targets/cut.jpg").write_bytes((folder / "targets/cut.jpg").read_bytes()[:3000])
    (folder / "targets/empty.png").touch()
    (folder / "targets/text.jpg").write_text("no picture")
    Image.new("1", (20_000, 20_000)).save(folder / "targets/huge.png")
    Image.new("RGB", (1, 1), "red").save(folder / "targets/pixel.png")
    file = folder / "targets.json"
    content = json.loads(file.read_text())
    for number, name in enumerate((*REASONS, "pixel.png"), start=101):
        side = {"huge.png": 20_000, "pixel.png": 1}.get(name, 96)
        # In between, so that batches are of both kinds.
        content["images"].insert(
            2 * (number - 101), {"id": number, "file_name": name, "width": side, "height": side}
        )
        if name != "pixel.png":
            content["annotations"].append(
                {"id": number, "image_id": number, "category_id": 3, "segmentation": SQUARE}
            )
    file.write_text(json.dumps(content))


@pytest.fixture
def run(miniature_overrides, tmp_path):
    return lambda *words: whole_run(tmp_path / "run", [*miniature_overrides, *words])


def test_they_are_skipped_and_said(run, miniature, tmp_path, caplog):
    spoil(miniature)
    metrics = run("task=semantic", "loader_workers=2", "image_batch=4", "callbacks.visualizations.images=9")
    assert metrics == json.loads((tmp_path / "run" / "metrics.json").read_text())
    said = {entry["file"].rpartition("/")[2]: entry["reason"] for entry in metrics["skipped"]}
    assert said.keys() == REASONS.keys()
    assert all(said[name].startswith(reason) for name, reason in REASONS.items())
    lines = [line for line in caplog.messages if line.startswith("test: skipped ")]
    assert lines == [f"test: skipped {entry['file']}: {entry['reason']}" for entry in metrics["skipped"]]
    assert metrics["timing"]["images"] == 4, "with the one of a single pixel"
    found = json.loads((tmp_path / "run" / "predictions.json").read_text())
    assert {result["image_id"] for result in found} <= {1, 2, 3, 106}
    drawn = {path.stem for path in (tmp_path / "run" / "visualizations" / "instances").iterdir()}
    assert drawn == {"0", "1", "2", "pixel"}
    assert {path.stem for path in (tmp_path / "run" / "semantic").glob("*.png")} == drawn


# With absent weights, whatever is said before they are looked for is said before a model is built.
ABSENT = "segmenter.weights=nowhere.pt"


def test_strictly_all_that_headers_tell_is_said_before_a_model_is_built(run, miniature):
    spoil(miniature)
    with pytest.raises(InputError) as caught:
        run("strict=true", ABSENT)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    for name in REASONS.keys() - {"cut.jpg"}:
        assert any(f"/{name}: {REASONS[name]}" in line for line in lines), name


def test_strictly_the_first_that_is_cut_short_ends_the_run(run, miniature):
    spoil(miniature)
    file = miniature / "targets.json"
    content = json.loads(file.read_text())
    content["images"] = [image for image in content["images"] if image["id"] in (1, 101)]
    content["annotations"] = [each for each in content["annotations"] if each["image_id"] in (1, 101)]
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"^\S+/cut\.jpg: cannot be read as an image \(image file is trunc"):
        run("strict=true")


def test_where_none_can_be_read_nothing_begins(run, miniature):
    with pytest.raises(InputError) as caught:
        run(f"dataset.target_images={miniature / 'nowhere'}", ABSENT)
    assert [line.partition(": ")[2] for line in str(caught.value).splitlines()] == [REASONS["gone.png"]] * 3


def test_bad_references_and_annotations_are_said_at_once_before_a_model_is_built(run, miniature):
    first = miniature / "references" / "0.png"
    first.write_bytes(first.read_bytes()[:200])
    (miniature / "references" / "1.png").unlink()
    file = miniature / "targets.json"
    content = json.loads(file.read_text())
    content["images"][0]["width"] = 95
    content["images"][1]["file_name"] = "../references/2.png"
    content["annotations"][-1]["category_id"] = 99
    file.write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        run(ABSENT)
    for line in (
        "references/0.png: cannot be read as an image (",
        "references/1.png: image not found; ",
        "targets/0.png: the image is 96 x 96 pixels, but its annotation says 95 x 96 ",
        "targets.json: images[1] (id 2): file_name must be a path inside the image folder, got '../",
        "targets.json: annotations[5] (id 6): category_id 99 is not among the categories; ",
    ):
        assert line in str(caught.value)
