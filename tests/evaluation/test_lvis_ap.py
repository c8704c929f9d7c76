import pytest

from ntt.errors import InputError
from ntt.evaluation import CocoEvaluation, LvisEvaluation

BOX, ELSEWHERE = (10, 10, 40, 40), (55, 55, 40, 40)
COMPLETE = {"neg_category_ids": [], "not_exhaustive_category_ids": []}
RARE, COMMON, FREQUENT = ({"frequency": letter} for letter in "rcf")


@pytest.fixture
def judge(entry, truth):
    """AP of one class, with a right result and a better scored one that is found nowhere in the truth."""

    def call(image, wrong_in=1, images=None):
        objects = [entry(1, 7, BOX)]
        ground_truth = truth(objects, {1: {**COMPLETE, **image}, **(images or {})}, {7: RARE, 9: COMMON})
        results = [entry(1, 7, BOX, score=0.5), entry(wrong_in, 7, ELSEWHERE, score=0.9)]
        return LvisEvaluation()(ground_truth, results)["segm"]

    return call


def test_a_wrong_result_counts_where_the_class_is_annotated(judge):
    assert judge({})["AP"] == pytest.approx(0.5)


def test_where_not_all_objects_are_annotated_what_matches_none_is_passed_over(judge):
    assert judge({"not_exhaustive_category_ids": [7]})["AP"] == pytest.approx(1)
    assert judge({"not_exhaustive_category_ids": [9]})["AP"] == pytest.approx(0.5)


def test_an_image_that_was_not_searched_for_the_class_does_not_count(judge):
    assert judge({}, wrong_in=2, images={2: COMPLETE})["AP"] == pytest.approx(1)
    searched = {**COMPLETE, "neg_category_ids": [7]}
    assert judge({}, wrong_in=2, images={2: searched})["AP"] == pytest.approx(0.5)


def test_groups_of_classes_by_frequency(entry, truth):
    categories = {1: RARE, 2: COMMON, 3: COMMON, 4: FREQUENT, 5: FREQUENT}
    ground_truth = truth([entry(1, k, BOX) for k in (1, 2, 3, 4)], {1: COMPLETE}, categories)
    found = [entry(1, 1, BOX, score=0.5), entry(1, 3, BOX, score=0.4), entry(1, 4, ELSEWHERE, score=0.4)]
    metrics = LvisEvaluation()(ground_truth, found)
    for kind in ("bbox", "segm"):
        assert metrics[kind] == pytest.approx(
            {"AP": 0.5, "AP50": 0.5, "AP75": 0.5, "APr": 1, "APc": 0.5, "APf": 0, "AR300": 0.5}
            | {"APs": None, "APm": 0.5, "APl": None}
        )
    assert [ap["segm"] for ap in metrics["per_class"].values()] == pytest.approx([1, 0, 1, 0, None])


def test_three_hundred_results_an_image_count_whatever_their_class(entry, truth):
    ground_truth = truth([entry(1, 1, BOX)], {1: {**COMPLETE, "neg_category_ids": [2]}}, {1: RARE, 2: RARE})
    better = [entry(1, 2, ELSEWHERE, score=0.9)] * 299
    found = entry(1, 1, BOX, score=0.5)
    assert LvisEvaluation()(ground_truth, [*better, found])["bbox"]["AP"] == pytest.approx(1)
    assert LvisEvaluation()(ground_truth, [*better, better[0], found])["bbox"]["AP"] == 0


def test_without_federated_rules_to_apply_it_is_coco_ap(entry, truth):
    objects = [entry(k % 3, 1 + k % 2, (5 * k, 3 * k, 20 + k, 30)) for k in range(12)]
    complete = {**COMPLETE, "neg_category_ids": [1, 2]}
    ground_truth = truth(objects, dict.fromkeys(range(3), complete), {1: RARE, 2: FREQUENT})
    found = [
        {**each, "bbox": [x + number % 4, y, w, h], "score": 1 / (2 + number * 7 % 5)}
        for number, each in enumerate(objects)
        for x, y, w, h in [each["bbox"]]
    ]
    lvis, coco = (evaluate(ground_truth, found)["bbox"] for evaluate in (LvisEvaluation(), CocoEvaluation()))
    assert 0.2 < coco["AP"] < 0.9
    assert {name: lvis[name] for name in coco if name != "AR100"} == pytest.approx(
        {name: value for name, value in coco.items() if name != "AR100"}
    )


def test_nothing_found_and_nothing_to_find(entry, truth, capsys):
    some = truth([entry(1, 7, BOX)], {1: COMPLETE}, {7: RARE})
    assert LvisEvaluation()(some, [])["segm"]["AP"] == 0
    none = truth([], {1: COMPLETE}, {7: RARE})
    assert set(LvisEvaluation()(none, [entry(1, 7, BOX, score=0.5)])["segm"].values()) == {None}
    assert capsys.readouterr().out == ""


def test_a_ground_truth_that_is_not_of_lvis_is_refused_with_all_that_it_lacks(entry, truth):
    ground_truth = truth([], {4: COMPLETE, 5: {"neg_category_ids": []}}, {7: RARE, 9: {}})
    with pytest.raises(InputError) as caught:
        LvisEvaluation().check(ground_truth)
    image, category = str(caught.value).splitlines()
    assert "image 5 has no not_exhaustive_category_ids" in image
    assert "'class 9' has neither frequency" in category
    assert "evaluation=coco" in image
