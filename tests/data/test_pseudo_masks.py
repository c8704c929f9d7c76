import json

import pytest
import torch

from ntt.data.masks import decode_mask, encode_mask
from ntt.data.pseudo_masks import PseudoMask, origin, read_pseudo_masks

SOURCE = {"segmenter": "sam", "fingerprint": "f", "image": "p", "prompt": {"box": [1.0, 2.0, 3.0, 4.0]}}


@pytest.fixture
def mask():
    mask = torch.zeros(8, 9, dtype=torch.bool)
    mask[2:5, 1:4] = True
    return mask


def coco(*annotations):
    return {
        "images": [{"id": 4, "file_name": "a.jpg", "height": 8, "width": 9}],
        "categories": [{"id": 3, "name": "pen"}],
        "annotations": [
            {"id": number, "image_id": 4, "category_id": 3, **annotation}
            for number, annotation in enumerate(annotations)
        ],
    }


def test_annotate_keeps_the_box_and_records_the_mask_source(mask):
    made = PseudoMask(encode_mask(mask), SOURCE)
    given = {"id": 1, "bbox": [1, 2, 3, 4], "area": 12.0, "segmentation": []}
    filled = made.annotate(given)
    assert (filled["id"], filled["bbox"], filled["area"]) == (1, [1, 2, 3, 4], 9)
    assert filled["mask_source"] == SOURCE
    assert json.loads(json.dumps(filled["segmentation"])) == filled["segmentation"]
    assert made.annotate({"bbox": None})["bbox"] == [1, 2, 3, 3]
    assert given["segmentation"] == []


def test_read_pseudo_masks_returns_only_masks_of_known_origin(tmp_path, mask):
    drawn = {"segmentation": [[0, 0, 6, 0, 0, 6]]}
    made = PseudoMask(encode_mask(mask), SOURCE)
    broken = {**made.annotate({}), "segmentation": {"size": [9, 9], "counts": "zz"}}
    other = {**made.annotate({}), "mask_source": "a person"}
    (tmp_path / "m.json").write_text(json.dumps(coco(drawn, broken, made.annotate({}), other)))
    found = read_pseudo_masks(tmp_path / "m.json")
    assert list(found) == [origin(SOURCE)]
    assert torch.equal(decode_mask(found[origin(SOURCE)].mask), mask)
    assert found[origin(SOURCE)].source == SOURCE


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"images": 5, "annotations": [{"mask_source": {}}]}']
)
def test_read_pseudo_masks_without_pseudo_masks_is_empty(tmp_path, text):
    if text is not None:
        (tmp_path / "m.json").write_text(text)
    assert read_pseudo_masks(tmp_path / "m.json") == {}


def test_origin_depends_on_segmenter_image_and_prompt():
    same = {**SOURCE, "segmenter": "other name", "predicted_iou": 0.5}
    assert origin(same) == origin(SOURCE)
    changes = [{"fingerprint": "g"}, {"image": "q"}, {"prompt": {"points": [[1.0, 2.0, 1]]}}]
    assert len({origin({**SOURCE, **change}) for change in ({}, *changes)}) == 4
