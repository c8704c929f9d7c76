"""Types and ranges of options, read from signatures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict, Unpack

import pytest
from annotated_types import Ge

from ntt.errors import InputError
from ntt.options import AtLeastOne, BelowOne, Positive, Share, checked, option, options_of


def converted(hint: Any, value: Any) -> Any:
    found = option(hint)
    assert found is not None
    return found.convert(value, "key")


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (int, "5", 5),
        (int, 64.0, 64),
        (float, 3, 3.0),
        (bool, "off", False),
        (bool, "yes", True),
        (str, 20240101, "20240101"),
        (str | Path, 7, "7"),
        (str | os.PathLike[str], "a", "a"),
        (Sequence[str] | None, "banana", ["banana"]),
        (Sequence[str], [6, "b"], ["6", "b"]),
        (tuple[int, ...], [1, 2], (1, 2)),
        (int | Sequence[int] | None, 16, 16),
        (bool | str, "no", False),
        (bool | str, "runs/a", "runs/a"),
        (Literal["auto"] | Share, "auto", "auto"),
        (Literal["auto"] | Share, 0.5, 0.5),
        (float | None, None, None),
    ],
)
def test_convert_returns_the_type_of_the_option(hint, value, expected):
    found = converted(hint, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (int, 1.5, "key must be an integer, got 1.5"),
        (int, True, "key must be an integer, got true"),
        (float, "abc", "key must be a number, got abc"),
        (float, float("inf"), "key must be a number, got inf"),
        (bool, "maybe", "key must be true or false, got maybe"),
        (AtLeastOne | None, 0, "key must be at least 1, got 0"),
        (AtLeastOne | None, "two", "key must be an integer or null, got two"),
        (Positive, 0, "key must be above 0, got 0"),
        (Share, -0.1, "key must be in [0, 1], got -0.1"),
        (BelowOne, 1, "key must be in [0, 1), got 1"),
        (Annotated[int, Ge(16)], 8, "key must be at least 16, got 8"),
        (Literal["a", "b", "c"], "d", "key must be a, b or c, got d"),
        (Sequence[str], None, "key must be a list of names, got null"),
        (Path, None, "key must be a path, got null"),
    ],
)
def test_convert_refuses_other_values_in_one_line(hint, value, message):
    with pytest.raises(InputError) as error:
        converted(hint, value)
    assert str(error.value) == message


def test_convert_shortens_long_values():
    with pytest.raises(InputError, match=r"^key must be an integer, got x x .{50,60}\.\.\.$"):
        converted(int, "x\n" * 100)


@pytest.mark.parametrize("hint", [Any, dict, Mapping[str, int], Sequence[Any], int | dict, "Unknown"])
def test_option_of_another_type_is_none(hint):
    assert option(hint) is None


class Keywords(TypedDict, total=False):
    depth: int


class Base:
    def __init__(self, size: AtLeastOne, **options: Unpack[Keywords]) -> None: ...


class Passing(Base):
    def __init__(self, share: Share, **others: Any) -> None: ...


class Ignoring(Base):
    def __init__(self, share: Share, **unused: object) -> None: ...


class Open:
    def __init__(self, size: int, **others: Any) -> None: ...


def test_options_of_include_those_of_the_base_class_and_of_typed_keywords():
    names, others = options_of(Passing)
    assert set(names) == {"share", "size", "depth"}
    assert all(names.values())
    assert others is None
    assert options_of(Open)[1] is Any
    names, others = options_of(Ignoring)
    assert set(names) == {"share"}
    assert others is object


class Checked:
    @checked
    def __init__(self, k: AtLeastOne, names: Sequence[str] = (), other: object = None) -> None:
        self.k, self.names, self.other = k, names, other


def test_checked_converts_arguments_and_names_the_class_in_errors():
    found = Checked(3.0, names="a", other=Checked)  # type: ignore[arg-type]
    assert (found.k, found.names, found.other) == (3, ["a"], Checked)
    assert options_of(Checked)[0].keys() == {"k", "names", "other"}
    with pytest.raises(InputError, match=r"^Checked: k must be at least 1, got 0$"):
        Checked(k=0)
    with pytest.raises(TypeError, match="missing a required argument: 'k'"):
        Checked()  # type: ignore[call-arg]
