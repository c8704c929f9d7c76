import json

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from ntt.evaluation import coco_results
from ntt.structures import Instances


def test_boxes_masks_and_categories():
    masks = torch.zeros(2, 20, 30, dtype=torch.bool)
    masks[0, 3:10, 4:24] = True
    masks[1, 5, 6] = True
    boxes = torch.tensor([[4.0, 3, 24, 10], [6, 5, 7, 6]])
    found = Instances(masks, boxes, torch.tensor([0.75, 0.25]), torch.tensor([1, 0]))
    results = json.loads(json.dumps(coco_results(9, found, (11, 40))))
    assert [(r["image_id"], r["category_id"], r["score"]) for r in results] == [(9, 40, 0.75), (9, 11, 0.25)]
    assert [r["bbox"] for r in results] == [[4, 3, 20, 7], [6, 5, 1, 1]]
    for result, mask in zip(results, masks, strict=True):
        assert np.array_equal(coco_mask.decode(result["segmentation"]), mask.numpy())
    assert torch.equal(found.boxes, boxes), "left as it was"


def test_nothing_found():
    assert coco_results("a.jpg", Instances.empty(20, 30), (1,)) == []


def test_a_label_without_category_is_an_error():
    found = Instances(
        torch.ones(1, 2, 2, dtype=torch.bool),
        torch.tensor([[0.0, 0, 2, 2]]),
        torch.ones(1),
        torch.tensor([3]),
    )
    with pytest.raises(IndexError, match="out of range"):
        coco_results(1, found, (1, 2))
