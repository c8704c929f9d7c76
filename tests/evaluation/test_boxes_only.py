"""Where objects have boxes and no masks, boxes are judged as ever, and masks are not."""

import pytest

from ntt.evaluation import CocoEvaluation, LvisEvaluation, VocEvaluation, open_set_metrics

EVALUATIONS = [CocoEvaluation("pycocotools"), CocoEvaluation("faster"), LvisEvaluation(), VocEvaluation()]


@pytest.fixture
def objects(entry):
    return [entry(1, 1, (0, 0, 40, 40)), entry(1, 2, (50, 0, 40, 40)), entry(2, 1, (0, 50, 30, 30))]


@pytest.fixture
def results(entry):
    right = [(1, 1, (2, 0, 40, 40)), (1, 2, (52, 10, 40, 40))]
    found = [*right, (2, 2, (0, 50, 30, 30)), (2, 1, (3, 50, 30, 30))]
    return [entry(*each, score=0.9 - k / 10) for k, each in enumerate(found)]


@pytest.fixture
def judged(truth, objects, results):
    def call(judge):
        images = {k: {"neg_category_ids": [1, 2], "not_exhaustive_category_ids": []} for k in (1, 2)}
        categories = {k: {"frequency": "r"} for k in (1, 2)}
        with_masks = judge(truth(objects, images, categories), results)
        for each in objects:
            del each["segmentation"]
        return with_masks, judge(truth(objects, images, categories), results)

    return call


@pytest.mark.parametrize("evaluation", EVALUATIONS, ids=lambda each: each.protocol)
def test_boxes_are_judged_as_ever(judged, evaluation):
    with_masks, without = judged(evaluation)
    assert 0 < without["bbox"]["AP"] < 1
    assert without["bbox"] == with_masks["bbox"]
    assert {"segm", *without} == set(with_masks)
    assert "segm" not in without
    assert set(without["per_class"]["class 1"]) == {"bbox"}


def test_precision_and_recall_are_of_boxes(judged):
    with_masks, without = judged(open_set_metrics)
    assert without == with_masks, "the masks of this test are boxes"
    assert without["precision"] == pytest.approx(3 / 4)
