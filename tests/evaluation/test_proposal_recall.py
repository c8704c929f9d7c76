import io
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ntt.evaluation import average_recall, count_found
from ntt.matching import boxes_from_masks
from ntt.segmenters.base import Proposals

GRID = 64


def rectangles(generator, count, side=GRID):
    masks = torch.zeros(count, side, side, dtype=torch.bool)
    for mask in masks:
        top, left = generator.integers(0, side - 8, 2)
        height, width = generator.integers(3, side // 2, 2)
        mask[top : top + height, left : left + width] = True
    return masks


def proposals(masks, iou):
    return Proposals(masks.float() - 0.5, torch.as_tensor(iou))


def recall(*images):
    return average_recall(count_found(offered, true_masks) for offered, true_masks in images)


def coco(images, masks_of):
    """Masks as pycocotools wants them, all of one class."""
    content = COCO()
    content.dataset = {
        "images": [{"id": k, "height": GRID, "width": GRID} for k in range(len(images))],
        "categories": [{"id": 1}],
        "annotations": [],
    }
    for k, image in enumerate(images):
        for mask, score in masks_of(image):
            rle = coco_mask.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
            left, top, right, bottom = boxes_from_masks(mask[None])[0].tolist()
            content.dataset["annotations"].append(
                {
                    "id": len(content.dataset["annotations"]) + 1,
                    "image_id": k,
                    "category_id": 1,
                    "segmentation": rle,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": float(mask.sum()),
                    "iscrowd": 0,
                    "score": score,
                }
            )
    with redirect_stdout(io.StringIO()):
        content.createIndex()
    return content


def test_agrees_with_pycocotools_asked_for_proposals():
    generator = np.random.default_rng(0)  # no two best IoU are equal, and none is on a threshold
    images = [
        (
            proposals(rectangles(generator, count), generator.permutation(count).astype(np.float32)),
            rectangles(generator, objects),
        )
        for count, objects in ((1200, 9), (130, 4), (40, 6), (200, 0))
    ]
    ground_truth = coco(images, lambda image: [(mask, 1.0) for mask in image[1]])
    results = coco(images, lambda image: zip(image[0].logits > 0, image[0].iou.tolist(), strict=True))
    found = recall(*images)
    for kind in ("bbox", "segm"):
        evaluation = COCOeval(ground_truth, results, kind)
        evaluation.params.useCats, evaluation.params.maxDets = 0, [100, 1000]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        with redirect_stdout(io.StringIO()):
            evaluation.evaluate(), evaluation.accumulate()
        expected = evaluation.eval["recall"][:, 0, 0].mean(axis=0)
        assert list(found[kind].values()) == pytest.approx(expected.tolist())
    assert 0.1 < found["segm"]["AR100"] < found["segm"]["AR1000"] < 0.9


def test_only_the_best_by_predicted_iou_count():
    true = torch.zeros(1, 128, 128, dtype=torch.bool)
    true[0, 8:40, 8:40] = True
    masks = torch.zeros(101, GRID, GRID, dtype=torch.bool)
    masks[0, 4:20, 4:20] = True
    last = proposals(masks, [0.1, *[0.9] * 100])
    first = proposals(masks, [0.95, *[0.9] * 100])
    assert recall((last, true))["segm"] == {"AR100": 0, "AR1000": 1}
    assert recall((first, true))["bbox"] == {"AR100": 1, "AR1000": 1}


def test_an_object_smaller_than_a_cell_is_measured_by_what_it_covers():
    true = torch.zeros(1, 128, 128, dtype=torch.bool)
    true[0, 2:4, 2:4] = True
    true[0, 2, 2] = False  # 3 of the 4 pixels of a cell
    masks = torch.zeros(1, GRID, GRID, dtype=torch.bool)
    masks[0, 1, 1] = True
    assert recall((proposals(masks, [0.5]), true))["segm"]["AR1000"] == pytest.approx(0.6)  # 0.5 to 0.75


def test_images_of_any_shape_and_without_proposals():
    true = torch.zeros(2, 32, 128, dtype=torch.bool)
    true[0, 8:16, 32:96] = True
    true[1, 24:32, 0:32] = True
    masks = torch.zeros(1, GRID, GRID, dtype=torch.bool)
    masks[0, 16:32, 16:48] = True
    nothing = Proposals(torch.zeros(0, GRID, GRID), torch.zeros(0))
    found = recall((proposals(masks, [0.5]), true), (nothing, true[:1]))
    assert found["segm"]["AR100"] == found["bbox"]["AR100"] == pytest.approx(1 / 3)


def test_without_objects_recall_is_undefined():
    masks = torch.ones(1, GRID, GRID, dtype=torch.bool)
    found = recall((proposals(masks, [0.5]), torch.zeros(0, 40, 80, dtype=torch.bool)))
    assert found == {kind: {"AR100": None, "AR1000": None} for kind in ("bbox", "segm")}


def test_objects_of_an_image_that_was_not_looked_at_are_missed():
    masks = rectangles(np.random.default_rng(0), 3)[:1]
    found = average_recall([count_found(proposals(masks, [0.9]), masks), {"objects": 3}])
    assert found["segm"] == {"AR100": 0.25, "AR1000": 0.25}
