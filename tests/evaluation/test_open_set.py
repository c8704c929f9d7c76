"""Precision and recall of all that is reported, counted by hand."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from ntt.evaluation import open_set_metrics

SIDE = 20


def rle(left, right):
    """A full-height stripe."""
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8, order="F")
    mask[:, left:right] = 1
    return coco_mask.encode(mask)


@pytest.fixture
def truth():
    """Image 1: two objects of class 7 and a crowd of it; image 2: one of class 8; images 3 and 4: nothing."""
    objects = [(1, 7, rle(0, 5), 0), (1, 7, rle(5, 10), 0), (1, 7, rle(10, 20), 1), (2, 8, rle(0, 10), 0)]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": number, "height": SIDE, "width": SIDE} for number in (1, 2, 3, 4)],
        "categories": [{"id": number, "name": str(number)} for number in (7, 8)],
        "annotations": [
            {"id": index, "image_id": image, "category_id": label, "segmentation": mask, "iscrowd": crowd}
            for index, (image, label, mask, crowd) in enumerate(objects, start=1)
        ],
    }
    coco.createIndex()
    return coco


def result(image_id, category_id, left, right, score):
    return {
        "image_id": image_id,
        "category_id": category_id,
        "segmentation": rle(left, right),
        "score": score,
    }


def test_counted_by_hand(truth):
    results = [
        result(1, 7, 0, 5, 0.9),  # right
        result(1, 7, 0, 5, 0.8),  # wrong: taken
        result(1, 7, 12, 16, 0.7),  # on the crowd: neither
        result(1, 8, 5, 10, 0.7),  # wrong: another class
        result(2, 8, 0, 8, 0.2),  # right: IoU 0.8
        result(3, 8, 0, 8, 0.2),  # wrong: nothing is there
    ]
    assert open_set_metrics(truth, results) == {
        "precision": 2 / 5,
        "recall": 2 / 3,
        "absent_images": 2,
        "absent_silent": 0.5,
        "absent_instances": 0.5,
    }


def test_the_better_scored_one_takes_the_object(truth):
    found = open_set_metrics(truth, [result(1, 7, 0, 4, 0.1), result(1, 7, 0, 5, 0.9)])
    assert (found["precision"], found["recall"]) == (1 / 2, 1 / 3)


def test_nothing_reported(truth):
    found = open_set_metrics(truth, [])
    assert found["precision"] is None
    assert (found["recall"], found["absent_silent"], found["absent_instances"]) == (0, 1, 0)


def test_an_image_that_could_not_be_read_is_no_silent_one(truth):
    found = open_set_metrics(truth, [result(2, 8, 0, 8, 0.2)], unseen={1, 3})
    assert (found["absent_images"], found["absent_silent"]) == (1, 1), "image 4 alone was looked at"
    assert found["recall"] == 1 / 3, "the objects of image 1 are missed"
