import json

import pytest

from miniatures import make_lvis, make_voc
from ntt.data.download import ByHand, LvisMinival, VocAnnotations
from ntt.errors import InputError


def test_minival_is_what_of_lvis_lies_in_val2017(tmp_path):
    root = make_lvis(tmp_path / "lvis", tmp_path / "coco")
    minival = LvisMinival(root / "lvis_v1_minival.json", root / "lvis_v1_val.json")
    assert minival.missing() == [f"{root}/lvis_v1_minival.json: will be made from the other files"]
    minival.provide()
    assert minival.missing() == []
    whole, part = (json.loads((root / f"lvis_v1_{name}.json").read_text()) for name in ("val", "minival"))
    (image,) = part["images"]
    assert "/val2017/" in image["coco_url"]
    assert image in whole["images"], "with what LVIS says of it"
    assert part["annotations"] == [a for a in whole["annotations"] if a["image_id"] == image["id"]]
    assert part["categories"] == whole["categories"]


def test_annotations_of_voc(tmp_path):
    devkit = make_voc(tmp_path) / "VOCdevkit"
    need = VocAnnotations(tmp_path / "annotations" / "voc07_test.json", devkit, {"VOC2007": "test"})
    need.provide()
    assert need.missing() == []
    assert len(json.loads(need.file.read_text())["annotations"]) == 20


def test_what_no_program_can_fetch(tmp_path):
    (tmp_path / "there").mkdir()
    need = ByHand("https://example.org", [str(tmp_path / name) for name in ("there", "a", "b")])
    assert need.missing() == [f"{tmp_path}/a: missing", f"{tmp_path}/b: missing"]
    with pytest.raises(InputError, match=r"a: missing; download it manually from https://example.org to"):
        need.provide()
