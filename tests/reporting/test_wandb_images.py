import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ntt.matching import boxes_from_masks
from ntt.reporting.wandb_images import mask_numbers, predicted_overlay, truth_overlay
from ntt.structures import Instances

NAMES = ("boat", "bird")


@pytest.fixture
def masks():
    """The left half, and in it a corner."""
    masks = torch.zeros(2, 20, 40, dtype=torch.bool)
    masks[0, :, :20] = True
    masks[1, :5, :5] = True
    return masks


def drawn(overlay, key):
    """The mask and the boxes that an image carries."""
    mask = np.asarray(Image.open(overlay._masks[key]._path))
    return mask, json.loads(Path(overlay._boxes[key]._path).read_text())["box_data"]


def test_smaller_true_objects_lie_on_top(masks):
    mask, boxes = drawn(
        truth_overlay(torch.rand(3, 20, 40), masks, torch.tensor([1, 0]), NAMES), "ground_truth"
    )
    assert mask.shape == (20, 40)
    assert mask[2, 2] == 1
    assert mask[10, 10] == 2
    assert not mask[:, 20:].any()
    assert [(box["class_id"], box["box_caption"]) for box in boxes] == [(2, "bird"), (1, "boat")]
    assert boxes[0]["position"] == {"minX": 0, "minY": 0, "maxX": 20, "maxY": 20}


def test_predictions_carry_their_scores(masks):
    instances = Instances(masks[:1], boxes_from_masks(masks[:1]), torch.tensor([0.5]), torch.tensor([1]))
    mask, boxes = drawn(predicted_overlay(torch.rand(3, 20, 40), instances, NAMES), "prediction")
    assert set(np.unique(mask)) == {0, 2}
    assert [(box["box_caption"], box["scores"]) for box in boxes] == [("bird 0.50", {"score": 0.5})]


def test_an_image_without_anything_has_an_empty_mask():
    empty = Instances.empty(20, 40)
    mask, boxes = drawn(predicted_overlay(torch.rand(3, 20, 40), empty, NAMES), "prediction")
    assert not mask.any()
    assert boxes == []


def test_a_mask_has_room_for_the_classes_of_one_image():
    assert mask_numbers(torch.tensor([1, 0, 1]), count=2) == {0: 1, 1: 2}
    assert mask_numbers(torch.tensor([1202, 3]), count=1203) == {3: 1, 1202: 2}
