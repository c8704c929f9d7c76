"""Values that were read from JSON: whether they are of use, and how messages show them."""

from __future__ import annotations

import reprlib
import sys
from typing import Any, TypeGuard

LONGEST = 60  # characters of a value in a message


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether it is a finite number that a float can hold."""
    # Compared and not converted: a whole number may be too long for a float.
    return type(value) in (int, float) and -sys.float_info.max <= value <= sys.float_info.max


def whole(value: Any) -> int | None:
    """A whole number, also one that a tool wrote as a float; None for all else."""
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value)
    return None


class _Short(reprlib.Repr):
    """Looks at the beginning of a value only, which may refer to itself or hold one thing a billion times."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxdict = LONGEST // 3
        self.maxlevel = 4
        self.maxstring = self.maxother = 2 * LONGEST

    def repr_int(self, value: int, level: int) -> str:
        """Python refuses to write a number of thousands of digits."""
        return repr(value) if value.bit_length() < 10**4 else "a huge number"


_short = _Short()


def shown(value: Any) -> str:
    """A value in a message: on one line, and not longer than that."""
    text = _short.repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
