"""Validation of values read from JSON and from the configuration."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping
from typing import Any, TypeGuard

from ntt.errors import InputError

LONGEST = 60  # characters of a value in a message


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a value is a finite number in the range of a float."""
    # Compare instead of converting: float() raises for integers beyond its range.
    return type(value) in (int, float) and -sys.float_info.max <= value <= sys.float_info.max


def whole(value: Any) -> int | None:
    """Return an integer, also for integral floats such as 3.0; None for all other values."""
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value)
    return None


class _Short(reprlib.Repr):
    """Shorten values; limits depth and length, because a value may contain itself or be very large."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxdict = LONGEST // 3
        self.maxlevel = 4
        self.maxstring = self.maxother = 2 * LONGEST

    def repr_int(self, value: int, level: int) -> str:
        """Format an integer; Python refuses to print numbers with thousands of digits."""
        return repr(value) if value.bit_length() < 10**4 else "a huge number"


_short = _Short()


def shown(value: Any) -> str:
    """Format a value for a message: on one line, at most ``LONGEST`` characters."""
    text = _short.repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def pick(choice: Any, options: Mapping[Any, Any], field: str) -> Any:
    """Return the selected option.

    Args:
        choice: key in ``options``.
        options: available options by key.
        field: config key of the choice, for the error message.

    Raises:
        InputError: ``choice`` is not a key of ``options``.
    """
    if choice not in options:
        raise InputError(f"{field} must be one of {', '.join(map(str, options))}, got {choice}")
    return options[choice]
