import numpy as np
import pytest

from ntt.evaluation import CocoEvaluation, precision_recall


@pytest.fixture
def results(entry):
    """Of class 1 a hit, a miss and one with an IoU of 0.72, in this order; of class 2 one with 0.52."""
    boxes = [
        (1, (0, 0, 20, 20), 0.9),
        (1, (60, 60, 20, 20), 0.8),
        (1, (40, 0, 25, 18), 0.7),
        (2, (0, 40, 25, 13), 0.6),
    ]
    return [entry(1, category, box, score=score) for category, box, score in boxes]


@pytest.fixture
def ground_truth(entry, truth):
    objects = [entry(1, 1, (0, 0, 20, 20)), entry(1, 1, (40, 0, 25, 25)), entry(1, 2, (0, 40, 25, 25))]
    return truth(objects, {1: {}}, {1: {}, 2: {}, 3: {}})


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_each_curve_averages_to_its_metric(ground_truth, results, kind):
    curves = precision_recall(ground_truth, results, kind)
    metrics = CocoEvaluation()(ground_truth, results)[kind]
    for name in ("AP", "AP50", "AP75"):
        assert len(curves[name]) == 101
        assert np.mean(curves[name]) == pytest.approx(metrics[name])


def test_precision_falls_where_a_miss_comes_before_a_hit(ground_truth, results):
    curves = precision_recall(ground_truth, results, "segm")
    recall = np.array(curves["recall"])
    assert recall[[0, 50, 100]] == pytest.approx([0, 0.5, 1])
    # Half the objects of class 1 at precision 1, all of them at 2/3, as far as their IoU is enough.
    assert np.array(curves["AP50"])[recall <= 0.5] == pytest.approx(1)
    assert np.array(curves["AP50"])[recall > 0.51] == pytest.approx((2 / 3 + 1) / 2)
    assert np.array(curves["AP75"])[recall <= 0.5] == pytest.approx(1 / 2)
    assert np.array(curves["AP75"])[recall > 0.51] == pytest.approx(0)


def test_without_results_precision_is_zero_and_without_objects_there_is_none(ground_truth, truth):
    assert set(precision_recall(ground_truth, [], "segm")["AP"]) == {0}
    assert precision_recall(truth([], {1: {}}, {1: {}}), [], "segm") == {}
