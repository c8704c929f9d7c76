import pytest

from ntt.data.validation import is_number, shown, whole


@pytest.mark.parametrize("value", [0, -3, 2.5, 1e308, 10**300])
def test_is_number_accepts_finite_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, "1", None, [1], float("nan"), float("inf"), -float("inf"), 10**400])
def test_is_number_rejects_other_values(value):
    assert not is_number(value)


@pytest.mark.parametrize(("value", "number"), [(3, 3), (3.0, 3), (0, 0), (-1.0, -1), (1e300, int(1e300))])
def test_whole_accepts_integers_and_integral_floats(value, number):
    assert whole(value) == number
    assert type(whole(value)) is int


@pytest.mark.parametrize("value", [3.5, True, "3", None, [3], float("nan"), float("inf")])
def test_whole_rejects_other_values(value):
    assert whole(value) is None


def test_shown_fits_on_one_line():
    assert shown([1, "a"]) == "[1, 'a']"
    assert len(shown(["\n"] * 100)) == 60
    assert "\n" not in shown(["\n"] * 100)


def test_shown_shortens_recursive_and_huge_values():
    laughs = ["lol"]
    for _ in range(40):
        laughs = [laughs] * 9
    endless = {}
    endless["self"] = endless
    for value in (laughs, endless, {"a": laughs}, 10**5000, [-(10**5000)]):
        assert 0 < len(shown(value)) <= 60
