import io
from contextlib import redirect_stdout
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ntt.errors import InputError
from ntt.evaluation import CocoEvaluation, coco_results
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


def truth(objects, categories=CATEGORIES, crowds=()):
    """A ground truth of (image id, mask, category id); crowds are positions of objects."""
    coco = COCO()
    images = sorted({image for image, *_ in objects} | {1, 2})
    coco.dataset = {
        "images": [{"id": image, "height": SIDE, "width": SIDE} for image in images],
        "categories": [{"id": identity, "name": name} for identity, name in categories.items()],
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
                "iscrowd": int(number - 1 in crowds),
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


@pytest.fixture(params=["pycocotools", "faster"])
def evaluate(request):
    return CocoEvaluation(request.param)


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


def test_perfect_results_have_precision_one(evaluate, objects):
    metrics = evaluate(truth(objects), found(objects))
    for kind in ("bbox", "segm"):
        assert metrics[kind]["AP"] == metrics[kind]["AP75"] == metrics[kind]["AR100"] == pytest.approx(1)
    assert metrics["per_class"] == {
        "disc": {"bbox": pytest.approx(1), "segm": pytest.approx(1)},
        "bar": {"bbox": pytest.approx(1), "segm": pytest.approx(1)},
        "never": {"bbox": None, "segm": None},
    }


def test_no_results_have_precision_zero(evaluate, objects):
    metrics = evaluate(truth(objects), [])
    for kind in ("bbox", "segm"):
        assert metrics[kind]["AP"] == metrics[kind]["AP50"] == metrics[kind]["AR100"] == 0
    assert metrics["per_class"]["bar"] == {"bbox": 0, "segm": 0}
    assert metrics["per_class"]["never"] == {"bbox": None, "segm": None}


@pytest.mark.parametrize("some", [True, False])
def test_without_objects_precision_is_undefined(evaluate, objects, some):
    metrics = evaluate(truth([]), found([o for o in objects if o[0] < 3]) if some else [])
    assert set(metrics["segm"].values()) == set(metrics["bbox"].values()) == {None}


def test_results_in_the_wrong_class_count_for_nothing(evaluate, objects):
    swapped = [(image, mask, 11 - category) for image, mask, category in objects]
    assert evaluate(truth(objects), found(swapped))["segm"]["AP"] < 0.05


def test_nothing_is_printed_and_results_stay_as_they_are(evaluate, objects, capsys):
    results = found(objects)
    before = [dict(result) for result in results]
    evaluate(truth(objects), results)
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
    assert_as_by_hand(CocoEvaluation()(ground_truth, results), ground_truth, results)


def test_a_thousand_results_among_crowds_are_judged_alike_by_both_backends(evaluate):
    generator = np.random.default_rng(5)
    categories = {identity: f"class {identity}" for identity in (1, 4, 6, 7, 20)}
    draw = partial(generator.choice, list(categories))
    masks = triangles(generator, 60, spread=110)
    objects = [(int(generator.integers(1, 9)), mask, int(draw())) for mask in masks]
    ground_truth = truth(objects, categories, crowds=range(0, 60, 7))
    results = []
    for mask in triangles(generator, 1000, spread=110):
        image, category = int(generator.integers(1, 9)), int(draw())
        if generator.random() < 0.3:  # an object, a little off
            image, mask, category = objects[generator.integers(60)]
            mask = mask.roll(tuple(generator.integers(-4, 5, 2)), dims=(0, 1))
        # Few digits, so that some scores are equal.
        found = instances(mask[None], [0], [round(float(generator.random()), 2)])
        results += coco_results(image, found, [category])
    metrics = evaluate(ground_truth, results)
    assert 0.05 < metrics["segm"]["AP"] < 0.5
    assert_as_by_hand(metrics, ground_truth, results)


def test_an_unknown_backend_is_refused():
    with pytest.raises(
        InputError, match=r"evaluation\.backend must be one of pycocotools, faster, got 'fast'"
    ):
        CocoEvaluation("fast")


def assert_as_by_hand(metrics, ground_truth, results):
    """What pycocotools says when it is called as its documentation has it."""
    for kind, key in {"bbox": "bbox", "segm": "segmentation"}.items():
        plain = [{k: r[k] for k in ("image_id", "category_id", "score", key)} for r in results]
        with redirect_stdout(io.StringIO()):
            evaluation = COCOeval(ground_truth, ground_truth.loadRes(plain), kind)
            evaluation.evaluate(), evaluation.accumulate(), evaluation.summarize()
        expected = [
            None if value == -1 else pytest.approx(value, rel=1e-12, abs=1e-12) for value in evaluation.stats
        ]
        assert [metrics[kind][name] for name in NAMES] == expected[:6]
        assert metrics[kind]["AR100"] == expected[8]
        by_class = [ap[kind] for ap in metrics["per_class"].values() if ap[kind] is not None]
        assert np.mean(by_class) == pytest.approx(metrics[kind]["AP"])
