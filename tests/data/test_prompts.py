import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.data.prompts import read_prompt, write_prompt
from ntt.structures import Prompt

HEIGHT, WIDTH = 30, 40
NAN, INF = float("nan"), float("inf")


def read(box=None, points=None):
    return read_prompt({"box": box, "points": points}, "box", HEIGHT, WIDTH)


def test_read_prompt_converts_boxes_to_corners_and_defaults_to_object_points():
    assert read([4, 5, 10, 20]) == Prompt((4.0, 5.0, 14.0, 25.0))
    assert read(points=[[1, 2], [3, 4.5, 0], [40, 30, 1]]) == Prompt(
        points=((1.0, 2.0, 1), (3.0, 4.5, 0), (40.0, 30.0, 1))
    )
    assert read([0, 0, 40, 30], [[1, 2, 0]]) == Prompt((0.0, 0.0, 40.0, 30.0), ((1.0, 2.0, 0),))


@pytest.mark.parametrize("nothing", [None, []])
def test_read_prompt_of_an_empty_entry_is_none(nothing):
    assert read(nothing, nothing) is None
    assert read_prompt({}, "box", HEIGHT, WIDTH) is None


def test_read_prompt_clips_boxes_to_the_image():
    assert read([-2, -1, 12, 9]) == Prompt((0.0, 0.0, 10.0, 8.0))
    assert read([35, 20, 6, 12.5]) == Prompt((35.0, 20.0, 40.0, 30.0))


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([4, 4, 0, 9], "which is empty"),
        ([4, 4, 9, -1], "which is empty"),
        ([4, 4, 9], "box is [4, 4, 9]; expected [x, y, width, height]"),
        ([4, 4, 9, "9"], "expected [x, y, width, height]"),
        ([4, 4, 9, True], "expected [x, y, width, height]"),
        ([4, 4, NAN, 9], "expected [x, y, width, height]"),
        ([-INF, 4, INF, 9], "expected [x, y, width, height]"),
        ([4, 4, 10**400, 9], "expected [x, y, width, height]"),
        ("4, 4, 9, 9", "expected [x, y, width, height]"),
        ([50, 4, 9, 9], "mostly outside the image of 40 x 30"),
        ([4, -60, 9, 9], "mostly outside"),
        ([20, 15, 39, 29], "mostly outside"),  # two corners
        ([1e308, 0, 1e308, 9], "mostly outside"),
    ],
)
def test_read_prompt_rejects_invalid_boxes(box, message):
    with pytest.raises(ValueError, match=r"^box ") as caught:
        read(box, [[1, 1]])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[1, 2], [3]], "contains [3]; expected a list of [x, y] or [x, y, label]"),
        ([1, 2], "contains 1; expected a list"),
        ({"x": 1}, "is {'x': 1}; expected a list"),
        ([[1, NAN]], "expected a list"),
        ([[1, 10**400]], "expected a list"),
        ([[1, 2, 2]], "contains the label 2"),
        ([[1, 2, 0.5]], "contains the label 0.5"),
        ([[41, 2]], "contains [41, 2], outside the image of 40 x 30"),
        ([[1, -1, 0]], "outside the image"),
        ([[1, 2, 0], [3, 4, 0]], "all background"),
    ],
)
def test_read_prompt_rejects_invalid_points(points, message):
    with pytest.raises(ValueError, match=r"^points ") as caught:
        read(points=points)
    assert message in str(caught.value)


numbers = st.floats() | st.integers() | st.sampled_from([0, 1, 15, 30, 40, -1, 2.5])
sensible = st.floats(-2, 42, width=32)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=8,
)
boxes = st.lists(sensible, min_size=4, max_size=4) | st.lists(numbers, min_size=4, max_size=4) | values
point = st.tuples(sensible, sensible).map(list) | st.tuples(sensible, sensible, st.sampled_from([0, 1])).map(
    list
)
points = st.lists(point | values, max_size=3) | values


@settings(max_examples=400, deadline=None)
@given(box=boxes, points=points)
def test_read_prompt_of_arbitrary_values_is_inside_the_image_or_rejected(box, points):
    prompt, refusal = None, "box "
    try:
        prompt = read(box, points)
    except ValueError as error:
        refusal = str(error)
    assert refusal.startswith(("box ", "points "))
    assert "\n" not in refusal
    if prompt is None:
        return
    assert prompt.box is not None or any(label for _, _, label in prompt.points)
    if prompt.box is not None:
        x1, y1, x2, y2 = prompt.box
        assert 0 <= x1 < x2 <= WIDTH
        assert 0 <= y1 < y2 <= HEIGHT
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT and label in (0, 1) for x, y, label in prompt.points)
    again = read_prompt(json.loads(json.dumps(write_prompt(prompt))), "box", HEIGHT, WIDTH)
    assert again.points == prompt.points
    assert (again.box is None) == (prompt.box is None)
    if prompt.box is not None:
        assert again.box == pytest.approx(prompt.box, abs=1e-6)
