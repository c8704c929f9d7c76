import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from nano.benchmark import Benchmark


@pytest.fixture
def drawn(sheet, tmp_path):
    benchmark = Benchmark(
        sheet, seed=3, scenes=6, shots=2, scene_size=128, reference_size=64, sides=(16.0, 40.0)
    )
    benchmark.write(sheet.vocabulary.novel, tmp_path)
    return tmp_path


def test_references_contain_every_class_in_every_round(drawn):
    content = json.loads((drawn / "references.json").read_text())
    ids = [a["category_id"] for a in content["annotations"]]
    assert ids == [*range(1, 21), *range(1, 21)]


def test_targets_contain_two_to_eight_objects_with_tight_boxes(drawn):
    content = json.loads((drawn / "targets.json").read_text())
    assert len(content["images"]) == 6
    for image in content["images"]:
        mine = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        assert 1 <= len(mine) <= 8
        for annotation in mine:
            mask = coco_mask.decode(annotation["segmentation"])
            ys, xs = np.nonzero(mask)
            box = [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
            assert annotation["bbox"] == pytest.approx(box)
            assert annotation["area"] == mask.sum()
        assert Image.open(drawn / "targets" / image["file_name"]).size == (image["width"], image["height"])


def test_equal_seeds_give_identical_files(sheet, tmp_path):
    for name in ("a", "b"):
        Benchmark(sheet, scenes=2, shots=1, scene_size=96, reference_size=64, sides=(16.0, 40.0)).write(
            sheet.vocabulary.validation, tmp_path / name
        )
    for file in ("references.json", "targets.json", "targets/0002.jpg"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
