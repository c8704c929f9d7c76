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


def test_targets_contain_up_to_eight_objects_with_tight_boxes(drawn):
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


def test_equal_seeds_give_identical_files_and_another_seed_does_not(sheet, tmp_path):
    def files(name, seed):
        sizes = {"scenes": 2, "shots": 1, "scene_size": 96, "reference_size": 64, "sides": (16.0, 40.0)}
        Benchmark(sheet, seed=seed, **sizes).write(sheet.vocabulary.validation, tmp_path / name)
        paths = (path for path in (tmp_path / name).rglob("*") if path.is_file())
        return {path.relative_to(tmp_path / name): path.read_bytes() for path in paths}

    first, same, other = files("a", 0), files("b", 0), files("c", 1)
    assert len(first) == 2 + 20 + 2
    assert first == same
    assert first.keys() == other.keys()
    assert not any(first[file] == other[file] for file in first if file.parent.name == "targets")
