"""The bootstrap's AP is pycocotools', on the data and on resampled copies of it."""

import io
from contextlib import redirect_stdout

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from ntt.evaluation import CocoEvaluation
from ntt.evaluation.bootstrap import (
    Interval,
    match_images,
    mean_ap,
    percentile_interval,
    resample,
    weighted_ap,
)

CLASSES = {3: "disc", 8: "bar", 9: "never"}


def world(seed, images=6):
    """Boxes as objects, some of them crowds, and results near some of them, no two scored alike."""
    generator = np.random.default_rng(seed)
    truth, results = [], []
    for image in range(1, images + 1):
        for _ in range(generator.integers(0, 5)):
            box = generator.integers(5, 40, 4).tolist()
            category = int(generator.choice([3, 8]))
            truth.append((image, category, box, int(generator.random() < 0.15)))
            for _ in range(generator.integers(0, 4)):
                moved = (np.array(box) + generator.integers(-4, 5, 4)).clip(1).tolist()
                results.append((image, int(generator.choice([category, 3])), moved))
    scores = generator.permutation(len(results)) / 1000
    return truth, [(*result, float(score)) for result, score in zip(results, scores, strict=True)]


def coco(truth, images):
    content = COCO()
    content.dataset = {
        "images": [{"id": image, "height": 90, "width": 90} for image in images],
        "categories": [{"id": identity, "name": name} for identity, name in CLASSES.items()],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": category,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": crowd,
                "segmentation": polygon(box),
            }
            for number, (image, category, box, crowd) in enumerate(truth, start=1)
        ],
    }
    with redirect_stdout(io.StringIO()):
        content.createIndex()
    for annotation in content.dataset["annotations"]:
        annotation["segmentation"] = content.annToRLE(annotation)
    return content


def polygon(box):
    x, y, width, height = box
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


def as_results(found):
    shape = coco([(image, 3, box, 0) for image, _, box, _ in found], {image for image, *_ in found})
    return [
        {"image_id": image, "category_id": category, "bbox": box, "score": score, "segmentation": mask}
        for (image, category, box, score), mask in zip(
            found, [each["segmentation"] for each in shape.dataset["annotations"]], strict=True
        )
    ]


def copies(entries, counts):
    """Every image as often as it was drawn, its copies one after the other."""
    first = np.concatenate([[1], 1 + np.cumsum(counts)])
    return [
        (int(first[image - 1] + copy), *rest)
        for image, *rest in entries
        for copy in range(int(counts[image - 1]))
    ]


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_weights_of_one_give_the_ap_of_pycocotools(kind, seed):
    truth, found = world(seed)
    ground_truth, results = coco(truth, range(1, 7)), as_results(found)
    judged = CocoEvaluation()(ground_truth, results)
    aps = weighted_ap(match_images(ground_truth, results, kind), np.ones((1, 6)))
    expected = [np.nan if ap[kind] is None else ap[kind] for ap in judged["per_class"].values()]
    assert aps[0] == pytest.approx(expected, abs=1e-9, nan_ok=True)
    whole = judged[kind]["AP"]
    assert mean_ap(aps)[0] == pytest.approx(np.nan if whole is None else whole, abs=1e-9, nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_resample_has_the_ap_of_data_with_copies(seed):
    truth, found = world(seed)
    weights = resample(6, count=2, seed=seed)
    matches = match_images(coco(truth, range(1, 7)), as_results(found), "segm")
    for counts, aps in zip(weights, weighted_ap(matches, weights), strict=True):
        judged = CocoEvaluation()(coco(copies(truth, counts), range(1, 7)), as_results(copies(found, counts)))
        expected = [np.nan if ap["segm"] is None else ap["segm"] for ap in judged["per_class"].values()]
        assert aps == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_blocks_of_resamples_change_nothing(monkeypatch):
    truth, found = world(4)
    matches = match_images(coco(truth, range(1, 7)), as_results(found), "segm")
    weights = resample(6, count=50)
    at_once = weighted_ap(matches, weights)
    monkeypatch.setattr("ntt.evaluation.bootstrap.BLOCK", 60)
    assert np.array_equal(weighted_ap(matches, weights), at_once, equal_nan=True)
    assert np.nanstd(mean_ap(at_once)) > 0


def test_resamples_are_the_same_every_time_and_draw_as_many_images():
    weights = resample(7, count=20)
    assert np.array_equal(weights, resample(7, count=20))
    assert not np.array_equal(weights, resample(7, count=20, seed=1))
    assert set(weights.sum(axis=1)) == {7}


def test_images_with_texts_for_ids_are_matched():
    truth, found = world(2)
    names = {number: f"{9 - number}.jpg" for number in range(1, 7)}
    plain = match_images(coco(truth, range(1, 7)), as_results(found), "bbox")
    ground_truth = coco([(names[image], *rest) for image, *rest in truth], names.values())
    named = match_images(
        ground_truth, [{**r, "image_id": names[r["image_id"]]} for r in as_results(found)], "bbox"
    )
    weights = resample(6, count=5)
    assert np.array_equal(weighted_ap(plain, weights), weighted_ap(named, weights), equal_nan=True)


def test_without_results_ap_is_zero_where_there_are_objects():
    truth, _ = world(1)
    aps = weighted_ap(match_images(coco(truth, range(1, 7)), [], "segm"), np.ones((1, 6)))
    assert aps[0] == pytest.approx([0, 0, np.nan], nan_ok=True)


def test_interval_holds_95_percent():
    found = percentile_interval(0.5, np.append(np.arange(1001) / 1000, np.nan), images=6)
    assert (found.low, found.high) == pytest.approx((0.025, 0.975))
    assert not found.is_chance
    assert percentile_interval(0.5, np.full(9, 0.5), images=5) == Interval(0.5, None, None), "too few to tell"
    assert Interval(0.1, -0.1, 0.3).is_chance
    assert percentile_interval(None, np.full(3, np.nan), images=6) == Interval(None, None, None)
