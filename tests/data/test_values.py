import pytest

from ntt.data.values import is_number, shown


@pytest.mark.parametrize("value", [0, -3, 2.5, 1e308, 10**300])
def test_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, "1", None, [1], float("nan"), float("inf"), -float("inf"), 10**400])
def test_what_no_float_holds_is_no_number(value):
    assert not is_number(value)


def test_shown_values_fit_a_line():
    assert shown([1, "a"]) == "[1, 'a']"
    assert len(shown(["\n"] * 100)) == 60
    assert "\n" not in shown(["\n"] * 100)
