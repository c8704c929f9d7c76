"""Calibration of the score threshold on references."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.calibration.score_threshold import (
    MAX_REFERENCES,
    best_threshold,
    calibrate,
    checked_threshold,
    lone_threshold,
)
from ntt.errors import InputError
from ntt.runs.journal import Journal
from ntt.structures import Reference

scores = st.lists(st.floats(0, 1, width=32), max_size=12)


@settings(max_examples=100, deadline=None)
@given(scores, scores)
def test_best_threshold_separates_at_least_as_well_as_any_other(present, absent):
    def gain(cut):
        shares = [sum(score >= cut for score in side) / len(side) for side in (present, absent)]
        return shares[0] - shares[1]

    threshold = best_threshold(present, absent)
    assert 0 <= threshold <= 1
    if present and absent:
        assert gain(threshold) >= max(map(gain, [*present, *absent])) - 1e-6


def test_best_threshold_with_one_kind_of_scores_misclassifies_a_twentieth():
    hundred = [number / 100 for number in range(101)]
    assert best_threshold(hundred, []) == pytest.approx(0.05)
    assert best_threshold([], hundred) == pytest.approx(0.95)
    assert best_threshold([], []) == 0


def test_lone_threshold_averages_the_midpoints_of_found_objects():
    assert lone_threshold([0.4, None, 0.2], [0.0, 0.9, 0.1]) == pytest.approx((0.2 + 0.15) / 2)


def test_auto_threshold_suppresses_an_absent_class(colours):
    """Green is not a class; without a threshold, it is labelled by the more similar of red and blue."""
    green = colours.canvas(60, 80)
    colours.paint(green, colours.GREEN, slice(10, 40), slice(10, 40))
    red = colours.canvas(60, 80)
    colours.paint(red, colours.RED, slice(10, 40), slice(10, 40))
    names = ["red thing", "blue thing"]

    guessing = colours.model().fit(colours.references(), names)
    assert len(guessing.predict(green)) > 0
    assert len(guessing.predict(red)) > 0
    sure = colours.model(score_threshold="auto").fit(colours.references(), names)
    assert 0 < sure.score_threshold < 1
    assert len(sure.predict(green)) == 0
    assert set(sure.predict(red).labels.tolist()) == {0}


def test_calibrate_scores_every_reference_with_and_without_its_class(colours):
    references = colours.references()
    fitted = colours.model().fit(references, ["red thing", "blue thing"])
    tried = []
    found = calibrate(fitted, references, lambda: tried.append(1))
    assert (len(tried), len(found.present), len(found.absent), found.missed) == (6, 6, 6, 0)
    assert min(found.present) > found.threshold > max(found.absent)
    assert len(fitted.memory) == 6, "the memory is unchanged"


def test_calibrate_scores_a_single_reference_on_its_mirror_image(colours):
    references = colours.references()[::3]
    found = calibrate(colours.model().fit(references, ["red thing", "blue thing"]), references)
    assert (len(found.present), len(found.absent)) == (2, 2)
    assert max(found.present) <= 0.4, "a share of the mirror image's score"
    assert found.threshold == pytest.approx((sum(found.present) + sum(found.absent)) / 4)
    assert min(found.present) > found.threshold > max(found.absent)


def test_calibrate_counts_missed_objects(colours):
    references = colours.references()
    blind = colours.model(min_iou=2.0).fit(references, ["red thing", "blue thing"])
    found = calibrate(blind, references)
    assert (found.missed, found.present) == (6, ())


def test_calibrate_uses_a_limited_number_of_references(colours):
    references = colours.references() * 20
    tried = []
    calibrate(
        colours.model().fit(references, ["red thing", "blue thing"]), references, lambda: tried.append(1)
    )
    assert len(tried) == MAX_REFERENCES


def test_calibrate_scores_the_background_of_a_single_reference(colours):
    image = colours.canvas(60, 80)
    mask = colours.paint(image, colours.RED, slice(5, 25), slice(10, 30))
    colours.paint(image, colours.BLUE, slice(35, 55), slice(50, 70))
    reference = Reference(image, mask, 0)
    fitted = colours.model(score_threshold="auto").fit([reference], ["red thing"])
    found = calibrate(fitted, [reference])
    assert (len(found.present), len(found.absent)) == (1, 1)
    assert found.present[0] > found.threshold > found.absent[0]
    blue = colours.canvas(60, 80)
    colours.paint(blue, colours.BLUE, slice(35, 55), slice(50, 70))
    assert len(fitted.predict(blue)) == 0
    assert len(fitted.predict(image.flip(-1))) == 1


def test_calibrate_ignores_unannotated_objects_of_the_same_class(colours):
    image = colours.canvas(60, 80)
    mask = colours.paint(image, colours.RED, slice(5, 25), slice(10, 30))
    colours.paint(image, colours.RED, slice(35, 55), slice(50, 70))
    fitted = colours.model(score_threshold="auto").fit([Reference(image, mask, 0)], ["red thing"])
    assert len(fitted.predict(image)) > 0


def test_calibrate_without_references_is_rejected(colours):
    with pytest.raises(InputError, match="needs a reference"):
        calibrate(colours.model().fit([], []), [])


@pytest.mark.parametrize("value", ["sometimes", -0.1, 1.5, None])
def test_invalid_thresholds_are_rejected(value):
    with pytest.raises(InputError, match=r"score_threshold must be a number in \[0, 1\] or auto, got"):
        checked_threshold(value)


def test_a_numeric_threshold_drops_lower_scores(colours):
    image = colours.canvas(60, 80)
    colours.paint(image, colours.GREEN, slice(10, 40), slice(10, 40))
    fitted = colours.model().fit(colours.references(), ["red thing", "blue thing"])
    scores = fitted.predict(image).scores
    fitted.score_threshold = float(scores[0]) - 1e-4
    assert torch.equal(fitted.predict(image).scores, scores[scores >= scores[0] - 1e-4])
    fitted.score_threshold = float(scores[0]) + 1e-4
    assert torch.equal(fitted.predict(image).scores, torch.zeros(0))


def test_calibrate_reuses_the_scores_of_a_killed_process(colours, tmp_path, monkeypatch):
    references = colours.references()
    model = colours.model().fit(references, ["red thing", "blue thing"])
    expected = model.calibrate(references, known=Journal(tmp_path, "calibrate").memo())
    again = colours.model().fit(references, ["red thing", "blue thing"])
    monkeypatch.setattr(again, "predict", None)
    assert again.calibrate(references, known=Journal(tmp_path, "calibrate").memo()) == expected
