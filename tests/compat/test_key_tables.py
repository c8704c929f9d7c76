"""Dictionaries of other code, key by key."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ntt.compat.key_tables import becomes, only, translate, unused
from ntt.errors import InputError

RULES = {
    "speed": becomes("engine.speed", float),
    "wheels.number": becomes("chassis.wheels", int),
    "wheels.spare": becomes("chassis.wheels", int),
    "wheels.round": only(True),
    "wheels.colour": unused,
    "file": becomes("file", str),
}
KEYS = st.sampled_from(["speed", "wheels", "number", "spare", "wheels.number", "file", ""])
VALUES = st.sampled_from([None, True, 0, -1.5, float("nan"), "text", [1], {}])
NESTED = st.dictionaries(KEYS | st.just(7), VALUES | st.dictionaries(KEYS, VALUES), max_size=5)


def test_values_become_options_by_full_key():
    found = translate({"speed": 3, "wheels": {"number": 4, "round": True, "colour": "red"}}, RULES)
    assert found.options == {"engine.speed": 3, "chassis.wheels": 4}
    assert found.unused == ["wheels.colour"]
    assert found.problems == []


def test_null_and_paths():
    found = translate({"speed": None, "wheels": {"round": None}, "file": Path("a") / "b"}, RULES)
    assert (found.options, found.problems) == ({"file": "a/b"}, [])


def test_a_dotted_key_wins():
    assert translate({"wheels.number": 3, "wheels": {"number": 4}}, RULES).options == {"chassis.wheels": 3}


def test_all_problems_at_once():
    content = {
        "sped": 1,
        "speed": "fast",
        "wheels": {"numbr": 4, "number": 2.5, "spare": True, "round": False},
        "colour": "red",
        "qqqq": 0,
    }
    found = translate(content, RULES)
    assert found.problems == [
        "sped is unknown; did you mean speed?",
        "speed: 'fast' is not a number",
        "wheels.numbr is unknown; did you mean wheels.number?",
        "wheels.number: 2.5 is not a whole number",
        "wheels.spare: True is not a whole number",
        "wheels.round: False is not supported, only True",
        "colour is unknown; did you mean wheels.colour?",
        "qqqq is unknown; remove it",
    ]
    with pytest.raises(InputError, match=r"^car\.yaml: sped is unknown") as caught:
        found.require_sound("car.yaml")
    assert str(caught.value).count("\n") == 7


def test_contradictions_and_missing_levels():
    assert translate({"wheels": {"number": 4, "spare": 1}}, RULES).problems == [
        "wheels.spare is 1, but wheels.number is 4; use the same value for both"
    ]
    assert translate({"wheels": 4}, RULES).problems == ["wheels must contain keys, such as wheels.number"]


@settings(max_examples=300, deadline=None)
@given(NESTED)
@example({"speed": float("nan")})
def test_every_key_is_used_unused_or_a_problem(content):
    found = translate(content, RULES)
    assert set(found.options) <= {"engine.speed", "chassis.wheels", "file"}
    assert set(found.unused) <= {"wheels.colour"}
    for key in content.keys() - {"speed", "wheels", "file", "wheels.number"}:
        assert any(problem.startswith(str(key)) for problem in found.problems)


def test_an_endless_dictionary_ends():
    endless = {}
    endless["wheels"] = endless
    assert translate(endless, RULES).problems == ["wheels.wheels is unknown; did you mean wheels?"]
