import io
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ntt.evaluation import coco_metrics, coco_results
from ntt.matching import boxes_from_masks
from ntt.structures import Instances

SIDE = 120
CATEGORIES = {3: "disc", 8: "bar", 9: "never"}
NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl")


def triangles(generator, count, spread=60):
    """Random masks, some small, some large, of half the area of their boxes."""
    masks = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    for mask in masks:
        left, top = generator.integers(0, SIDE - 10, 2)
        width, height = generator.integers(4, spread, 2)
        mask[top : top + height, left : left + width] = True
        rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        mask &= (columns - left) * height <= (rows - top) * width
    return masks


def truth(objects):
    """A ground truth of (image id, mask, category id)."""
    coco = COCO()
    images = sorted({image for image, *_ in objects} | {1, 2})
    coco.dataset = {
        "images": [{"id": image, "height": SIDE, "width": SIDE} for image in images],
        "categories": [{"id": identity, "name": name} for identity, name in CATEGORIES.items()],
        "annotations": [],
    }
    for number, (image, mask, category) in enumerate(objects, start=1):
        rle = coco_mask.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
        coco.dataset["annotations"].append(
            {
                "id": number,
                "image_id": image,
                "category_id": category,
                "segmentation": rle,
                "area": int(mask.sum()),
                "bbox": coco_mask.toBbox(rle).tolist(),
                "iscrowd": 0,
            }
        )
    with redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def instances(masks, labels, scores):
    masks = masks if len(masks) else torch.zeros(0, SIDE, SIDE, dtype=torch.bool)
    return Instances(
        masks, boxes_from_masks(masks), torch.tensor(scores), torch.tensor(labels, dtype=torch.int64)
    )


@pytest.fixture
def objects():
    generator = np.random.default_rng(0)
    return [(1 + k % 3, mask, (3, 8)[k % 2]) for k, mask in enumerate(triangles(generator, 12))]


def found(objects, score=0.5):
    """Results that are exactly the objects."""
    labels = list(CATEGORIES)
    return [
        result
        for image, mask, category in objects
        for result in coco_results(image, instances(mask[None], [labels.index(category)], [score]), labels)
    ]


def test_perfect_results_have_precision_one(objects):
    metrics = coco_metrics(truth(objects), found(objects))
    for kind in ("bbox", "segm"):
        assert metrics[kind]["AP"] == metrics[kind]["AP75"] == metrics[kind]["AR100"] == pytest.approx(1)
    assert metrics["per_class"] == {
        "disc": {"bbox": pytest.approx(1), "segm": pytest.approx(1)},
        "bar": {"bbox": pytest.approx(1), "segm": pytest.approx(1)},
        "never": {"bbox": None, "segm": None},
    }


def test_no_results_have_precision_zero(objects):
    metrics = coco_metrics(truth(objects), [])
    for kind in ("bbox", "segm"):
        assert metrics[kind]["AP"] == metrics[kind]["AP50"] == metrics[kind]["AR100"] == 0
    assert metrics["per_class"]["bar"] == {"bbox": 0, "segm": 0}
    assert metrics["per_class"]["never"] == {"bbox": None, "segm": None}


@pytest.mark.parametrize("some", [True, False])
def test_without_objects_precision_is_undefined(objects, some):
    metrics = coco_metrics(truth([]), found([o for o in objects if o[0] < 3]) if some else [])
    assert set(metrics["segm"].values()) == set(metrics["bbox"].values()) == {None}


def test_results_in_the_wrong_class_count_for_nothing(objects):
    swapped = [(image, mask, 11 - category) for image, mask, category in objects]
    assert coco_metrics(truth(objects), found(swapped))["segm"]["AP"] < 0.05


def test_nothing_is_printed_and_results_stay_as_they_are(objects, capsys):
    results = found(objects)
    before = [dict(result) for result in results]
    coco_metrics(truth(objects), results)
    assert results == before
    assert capsys.readouterr().out == ""


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 30))
def test_agrees_with_pycocotools_called_by_hand(seed, count):
    generator = np.random.default_rng(seed)
    objects = [
        (int(generator.integers(1, 4)), m, int(generator.choice([3, 8]))) for m in triangles(generator, 10)
    ]
    ground_truth = truth(objects)
    results = found([o for o in objects if generator.random() < 0.6], score=0.7)
    for image in ground_truth.getImgIds():
        labels = generator.integers(0, 3, count).tolist()
        scores = generator.random(count).astype(np.float32).tolist()
        results += coco_results(
            image, instances(triangles(generator, count), labels, scores), list(CATEGORIES)
        )
    metrics = coco_metrics(ground_truth, results)

    for kind in ("bbox", "segm"):
        plain = [
            {k: r[k] for k in ("image_id", "category_id", "score", {"segm": "segmentation"}.get(kind, kind))}
            for r in results
        ]
        with redirect_stdout(io.StringIO()):
            evaluation = COCOeval(ground_truth, ground_truth.loadRes(plain), kind)
            evaluation.evaluate(), evaluation.accumulate(), evaluation.summarize()
        expected = [None if value == -1 else pytest.approx(value) for value in evaluation.stats]
        assert [metrics[kind][name] for name in NAMES] == expected[:6]
        assert metrics[kind]["AR100"] == expected[8]
        by_class = [ap[kind] for ap in metrics["per_class"].values() if ap[kind] is not None]
        assert np.mean(by_class) == pytest.approx(metrics[kind]["AP"])
