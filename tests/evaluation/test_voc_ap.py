import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.evaluation import VocEvaluation
from ntt.evaluation.voc_ap import average_precision

LEFT, RIGHT = (0, 0, 40, 40), (50, 0, 40, 40)


@pytest.fixture
def judge(entry, truth):
    """What VOC says of results (score, box) of class 1 where there are objects (box, fields)."""

    def call(objects, results, **options):
        true = [entry(1, 1, box, **more) for box, more in objects]
        ground_truth = truth(true, {1: {}, 2: {}}, {1: {}, 2: {}})
        return VocEvaluation(**options)(ground_truth, [entry(1, 1, box, score=s) for s, box in results])

    return call


def test_area_and_eleven_points_of_a_curve_drawn_by_hand():
    right = [True, False, True, True, False, False, True]
    # With each right one of 5 objects recall is .2, .4, .6, .8 and precision 1, 2/3, 3/4, 4/7. The best with
    # no less recall is 1, 3/4, 3/4, 4/7. The fifth object is never found.
    assert average_precision(right, 5) == pytest.approx(0.2 * (1 + 3 / 4 + 3 / 4 + 4 / 7))
    # Recall 0, .1, .2 have precision 1; .3 to .6 have 3/4; .7 and .8 have 4/7; .9 and 1 are never reached.
    assert average_precision(right, 5, eleven_points=True) == pytest.approx((3 + 4 * 3 / 4 + 2 * 4 / 7) / 11)


def test_recall_that_is_reached_exactly_counts():
    # 3 of 10: as floating point numbers 3 / 10 is below 0.1 * 3.
    assert average_precision([True] * 3, 10, eleven_points=True) == pytest.approx(4 / 11)


def test_curves_without_a_right_result():
    for eleven_points in (False, True):
        assert average_precision([], 4, eleven_points) == 0
        assert average_precision([False] * 3, 4, eleven_points) == 0


@given(right=st.lists(st.booleans(), max_size=40), more=st.integers(0, 5))
def test_precision_lies_between_its_bounds(right, more):
    count = max(1, sum(right) + more)
    area, points = (average_precision(right, count, eleven) for eleven in (False, True))
    assert 0 <= area <= sum(right) / count + 1e-9
    assert abs(area - points) <= 1 / 11 + 1e-9
    assert average_precision(sorted(right, reverse=True), count) == pytest.approx(sum(right) / count)


def test_thresholds_of_iou(judge):
    # 40 x 40 beside 40 x 30 of it: an IoU of 0.75, which is not more than 0.75.
    metrics = judge([(LEFT, {})], [(0.5, (0, 0, 40, 30))])
    for kind in ("bbox", "segm"):
        assert metrics[kind] == pytest.approx(
            {"AP": 0.5, "AP50": 1, "AP75": 0, "nAP": 0.5, "nAP50": 1, "nAP75": 0}
        )
    assert metrics["per_class"] == {
        "class 1": {"bbox": pytest.approx(0.5), "segm": pytest.approx(0.5)},
        "class 2": {"bbox": None, "segm": None},
    }


def test_an_object_is_found_once(judge):
    twice = judge([(LEFT, {}), (RIGHT, {})], [(0.9, LEFT), (0.8, LEFT), (0.7, RIGHT)])
    assert twice["bbox"]["AP50"] == pytest.approx(0.5 * (1 + 2 / 3))


def test_a_result_that_overlaps_a_taken_object_most_is_wrong_even_if_another_would_do(judge):
    near = (4, 0, 40, 40)  # COCO would give it the second object
    metrics = judge([(LEFT, {}), (near, {})], [(0.9, LEFT), (0.8, (1, 0, 40, 40))])
    assert metrics["bbox"]["AP50"] == pytest.approx(0.5)


@pytest.mark.parametrize("field", ["difficult", "iscrowd"])
def test_difficult_objects_and_crowds_neither_help_nor_hurt(judge, field):
    objects, results = [(LEFT, {}), (RIGHT, {field: 1})], [(0.9, RIGHT), (0.8, RIGHT), (0.7, LEFT)]
    assert judge(objects, results)["segm"]["AP50"] == pytest.approx(1)
    assert judge(objects[1:], results)["segm"]["AP50"] is None


def test_equal_results_elsewhere_are_wrong(entry, truth):
    ground_truth = truth([entry(1, 1, LEFT), entry(2, 2, LEFT)], {1: {}, 2: {}}, {1: {}, 2: {}})
    found = [entry(2, 1, LEFT, score=0.9), entry(1, 1, LEFT, score=0.5), entry(2, 2, LEFT, score=0.5)]
    metrics = VocEvaluation()(ground_truth, found)["bbox"]
    assert metrics["AP50"] == pytest.approx((0.5 + 1) / 2)


def test_novel_classes(entry, truth):
    ground_truth = truth([entry(1, k, LEFT) for k in (1, 2)], {1: {}}, {1: {}, 2: {}})
    evaluate = VocEvaluation(novel_classes=["class 2"])
    metrics = evaluate(ground_truth, [entry(1, 1, LEFT, score=0.9)])["bbox"]
    assert (metrics["AP50"], metrics["nAP50"]) == (pytest.approx(0.5), 0)
    with pytest.raises(InputError, match="'class 3' is not a class of the run"):
        VocEvaluation(novel_classes=["class 2", "class 3"]).check(ground_truth)


def test_eleven_points_reach_the_metrics(judge):
    objects, results = [(LEFT, {}), (RIGHT, {})], [(0.9, LEFT)]
    assert judge(objects, results)["bbox"]["nAP50"] == pytest.approx(0.5)
    assert judge(objects, results, eleven_points=True)["bbox"]["nAP50"] == pytest.approx(6 / 11)


def test_nothing_found(judge):
    assert judge([(LEFT, {})], [])["segm"]["nAP50"] == 0
