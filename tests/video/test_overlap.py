"""Test the overlap tracker on a clip with known identities."""

import pytest
import torch

from colour_world import BLUE, RED, model, references
from ntt.errors import InputError
from ntt.video import OverlapTracker

PINK = (1.0, 0.2, 0.42)  # a second object of the red class
SETTINGS = {"every": 1, "min_iou": 0.3, "patience": 30, "share_of_best": 0.6, "max_objects": 20}
COLOURS = {"red": RED, "pink": PINK, "blue": BLUE}


@pytest.fixture(scope="module")
def fitted():
    return model().fit(references(), ["red", "blue"])


def places(number):
    """Return the positions in a frame.

    Red passes in front of pink, which has the same class, and leaves; blue enters later.
    """
    things = {"red": (8, 16 + 4 * number), "pink": (16, 48 - 4 * number)}
    if number >= 5:
        things["blue"] = (44, 64 - 4 * (number - 4))
    return things


def clip(frame):
    return [frame(*((COLOURS[name], *at) for name, at in places(number).items())) for number in range(13)]


def follow(tracker, frames):
    """Track the frames and return the identity of each colour by frame."""
    seen = {name: {} for name in COLOURS}
    for number, image in enumerate(frames):
        found, ids = tracker.step(image)
        assert len(set(ids.tolist())) == len(ids) == len(found)
        for mask, identity in zip(found.masks, ids.tolist(), strict=True):
            colour = image[:, mask].mean(dim=1)
            name = min(COLOURS, key=lambda each: float((torch.tensor(COLOURS[each]) - colour).abs().sum()))
            assert seen[name].setdefault(number, identity) == identity, "an object has one identity"
    return seen


def test_overlap_tracker_keeps_identities_through_a_crossing(fitted, frame):
    seen = follow(OverlapTracker(fitted, **SETTINGS), clip(frame))
    identities = {name: set(ids.values()) for name, ids in seen.items()}
    assert sorted(map(sorted, (identities["red"], identities["pink"]))) == [[1], [2]]
    assert identities["blue"] == {3}
    assert set(seen["red"]) == set(range(12)), "it is not in the last frame"
    assert set(seen["pink"]) == set(range(13))
    assert set(seen["blue"]) == set(range(5, 13))


def test_overlap_tracker_extrapolates_between_detections(fitted, frame):
    tracker = OverlapTracker(fitted, **{**SETTINGS, "every": 3})
    for number in range(10):
        found, ids = tracker.step(frame((RED, 8, 2 * number), (BLUE, 40, 20)))
        assert sorted(ids.tolist()) == [1, 2]
        if number >= 3:  # speed is known after the second detection
            assert [8, 2 * number] in [[box[1], box[0]] for box in found.boxes.tolist()]


@pytest.mark.parametrize(
    ("name", "value"), [("every", 0), ("min_iou", 1.5), ("patience", -1), ("max_objects", 0)]
)
def test_tracker_rejects_invalid_settings(fitted, name, value):
    with pytest.raises(InputError, match=f"^OverlapTracker: {name} must be .*, got {value}$"):
        OverlapTracker(fitted, **{**SETTINGS, name: value})


def test_tracker_keeps_only_the_best_objects(fitted, frame):
    image = frame((RED, 8, 8), (PINK, 8, 40), (BLUE, 40, 20))
    _, ids = OverlapTracker(fitted, **{**SETTINGS, "max_objects": 2}).step(image)
    assert ids.tolist() == [1, 2]
