"""References with a box or points in place of a mask, through the real command and the embedded segmenter."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

NANO = "segmenter.weights=${paths.checkpoints}/nano/sam2_nano.safetensors"


def iou(segmentation, truth):
    found = coco_mask.decode(segmentation).astype(bool)
    return (found & truth).sum() / (found | truth).sum()


@pytest.fixture
def folder(miniature):
    """A folder data set of the miniature's first picture, its disc pointed at."""
    references = miniature / "references" / "disc"
    references.mkdir()
    (miniature / "references" / "0.png").rename(references / "one.png")
    (references / "one.json").write_text(json.dumps({"points": [middle_of_disc(miniature)]}))
    return miniature


def middle_of_disc(root):
    x, y, width, height = disc(root)["bbox"]
    return [x + width / 2, y + height / 2, 1]


def disc(root):
    return json.loads((root / "references.json").read_text())["annotations"][0]


def truth_of_disc(root):
    polygons = coco_mask.frPyObjects(disc(root)["segmentation"], 96, 96)
    return coco_mask.decode(polygons)[:, :, 0].astype(bool)


def test_a_boxed_reference_of_a_coco_file(train, run_dir, miniature, miniature_overrides):
    truth = truth_of_disc(miniature)
    file = miniature / "references.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["segmentation"] = []
    file.write_text(json.dumps(content))
    words = ["dataset=custom", "dataset.limit=1", "logger=csv", NANO]
    result = train(*words)
    assert result.returncode == 0, result.stderr
    assert "mask_references: 1/1 references" in result.stdout
    assert json.loads((run_dir() / "metrics.json").read_text())["timing"]["mask_references"] > 0
    made = json.loads((miniature / "references.masks.json").read_text())["annotations"][0]
    assert iou(made["segmentation"], truth) > 0.5
    assert made["mask_source"]["segmenter"] == "sam2_nano"
    assert "prompt" in made["mask_source"]


def test_a_point_in_a_folder(train, run_dir, folder):
    truth = truth_of_disc(folder)
    words = ["dataset=folder", f"dataset.root={folder}", "dataset.limit=1", f"paths.runs={folder}/runs"]
    result = train(*words, data=["encoder.weights=random"])
    assert result.returncode == 0, result.stderr
    (made,) = json.loads((folder / "references" / "masks.json").read_text())["annotations"]
    assert iou(made["segmentation"], truth) > 0.5
    shown = np.asarray(Image.open(run_dir() / "visualizations" / "references.png").convert("RGB"))
    assert (shown.max(axis=2) < 40).any(), "the cross"
