"""Image ids that are texts, or of both kinds, give the metrics that numbers give."""

import pytest

from ntt.evaluation import CocoEvaluation, LvisEvaluation, VocEvaluation, open_set_metrics

BOX, ELSEWHERE = (10, 10, 40, 40), (55, 55, 40, 40)
LVIS_IMAGE = {"neg_category_ids": [7], "not_exhaustive_category_ids": []}


@pytest.mark.parametrize("ids", [("b", "a", "c"), ("1", 1, "c")])
@pytest.mark.parametrize(
    "evaluate",
    [
        CocoEvaluation("pycocotools"),
        CocoEvaluation("faster"),
        LvisEvaluation(),
        VocEvaluation(),
        open_set_metrics,
    ],
)
def test_texts_are_as_good_as_numbers(entry, truth, evaluate, ids):
    def judged(one, two, three):
        images = dict.fromkeys((one, two, three), LVIS_IMAGE)
        ground_truth = truth([entry(one, 7, BOX), entry(two, 7, BOX)], images, {7: {"frequency": "r"}})
        found = [(one, BOX, 0.9), (two, ELSEWHERE, 0.8), (two, BOX, 0.7), (three, BOX, 0.6)]
        results = [entry(image, 7, box, score=score) for image, box, score in found]
        return evaluate(ground_truth, results)

    assert judged(*ids) == judged(1, 2, 3)
