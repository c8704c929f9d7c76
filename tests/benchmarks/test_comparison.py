"""What measurements are boiled down to."""

from benchmarks.comparison import same_detections, summary
from benchmarks.measure import STAGES, Measurement


def result(score=0.5, box=(10.0, 10.0, 20.0, 20.0), category=1):
    return {"image_id": 1, "category_id": category, "score": score, "bbox": list(box)}


def measurement(seconds, results=(), prompts=4, drawn=2):
    return Measurement(dict.fromkeys(STAGES, seconds / len(STAGES)), prompts, drawn, list(results))


def test_detections_are_the_same_to_a_pixel_and_a_thousandth():
    wanted = [result(), result(score=0.4)]
    assert same_detections([result(score=0.4005), result(box=(10.4, 9.5, 20.0, 20.0))], wanted) == 1.0
    assert same_detections([result(score=0.5), result(score=0.402)], wanted) == 0.5
    assert same_detections([result(box=(12.0, 10.0, 18.0, 20.0)), result(score=0.4)], wanted) == 0.5
    assert same_detections([result(category=2), result(score=0.4)], wanted) == 0.5


def test_each_detection_is_paired_once_and_extra_ones_count():
    assert same_detections([result(), result()], [result()]) == 0.5
    assert same_detections([result()], [result(), result(), result(), result()]) == 0.25
    assert same_detections([], []) == 1.0
    assert same_detections([], [result()]) == 0.0


def test_a_ratio_is_the_median_of_the_images_ratios():
    reference = [measurement(10.0), measurement(20.0), measurement(900.0)]
    found = summary([measurement(1.0), measurement(10.0), measurement(100.0)], reference)
    assert found["images"] == 3
    assert abs(found["seconds_per_image"] - 10.0) < 1e-9
    assert abs(found["times_faster"] - 9.0) < 1e-9, "of 10, 2 and 9; of the medians it would be 2"
    assert abs(sum(found["seconds"].values()) - 10.0) < 1e-9
    assert (found["prompts"], found["drawn"], found["agreement"]) == (4, 2, 1.0)
