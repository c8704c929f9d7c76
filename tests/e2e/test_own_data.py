"""What users have: files of another format, ids that are texts, a folder of photographs."""

import json
from pathlib import Path

import pytest
from PIL import Image

from forked import run_forked

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "photos"
NANO = "segmenter.weights=${paths.checkpoints}/nano/sam2_nano.safetensors"
CLASSES = {3: "disc", 7: "bar"}


def as_yolo(root):
    """Write the references' polygons as YOLO has them, beside their pictures."""
    content = json.loads((root / "references.json").read_text())
    for image in content["images"]:
        mine = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        lines = [
            " ".join([str(a["category_id"]), *(str(n / image["width"]) for n in a["segmentation"][0])])
            for a in mine
        ]
        (root / "references" / f"{Path(image['file_name']).stem}.txt").write_text("\n".join(lines))
    (root / "references" / "data.yaml").write_text(
        f"names: {json.dumps({str(k): v for k, v in CLASSES.items()})}\n"
    )


def with_texts_for_ids(file):
    content = json.loads(file.read_text())
    for image in content["images"]:
        image["id"] = f"picture {image['id']}"
    for annotation in content["annotations"]:
        annotation["image_id"] = f"picture {annotation['image_id']}"
    file.write_text(json.dumps(content))


def test_converted_references_and_targets_with_texts_for_ids(train, run_dir, miniature, project_root):
    as_yolo(miniature)
    with_texts_for_ids(miniature / "targets.json")
    made = miniature / "made.json"
    script = project_root / "scripts" / "convert_dataset.py"
    words = [script, "yolo", miniature / "references", made]
    done = run_forked(words)
    assert done.returncode == 0, done.stderr
    assert (
        "4 images, 8 objects (8 with a mask, 0 with a box or points) of 2 classes: bar, disc" in done.stdout
    )

    result = train("dataset=custom", f"dataset.reference_file={made}", "dataset.limit=2", NANO)
    assert result.returncode == 0, result.stderr
    results = json.loads((run_dir() / "predictions.json").read_text())
    assert {each["image_id"] for each in results} == {"picture 1", "picture 2"}
    metrics = json.loads((run_dir() / "metrics.json").read_text())
    assert set(metrics["per_class"]) == {"disc", "bar"}
    assert metrics["segm"]["AP"] is not None


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs ../shared/photos, which is not part of the project")
def test_photographs_of_which_one_has_a_mask(train, tmp_path):
    run = tmp_path / "run"
    words = ["dataset=folder", f"dataset.root={PHOTOS}/elephants", f"hydra.run.dir={run}"]
    result = train(*words, data=["encoder=efficientnet_lite0"])
    assert result.returncode == 0, result.stderr
    assert "Data: 1 references, 3 target images" in result.stdout
    targets = {path.name: Image.open(path).size for path in (PHOTOS / "elephants").glob("*.jpg")}
    del targets["000000286874.jpg"]  # has the mask
    drawn = {path.stem for path in (run / "visualizations" / "instances").iterdir()}
    assert drawn == {Path(name).stem for name in targets}
    results = json.loads((run / "predictions.json").read_text())
    assert {each["image_id"] for each in results} == set(targets), "something is found in each"
    assert all(tuple(each["segmentation"]["size"]) == targets[each["image_id"]][::-1] for each in results)
