"""Values that were read from JSON: whether they are of use, and how messages show them."""

from __future__ import annotations

import sys
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether it is a finite number that a float can hold."""
    # Compared and not converted: a whole number may be too long for a float.
    return type(value) in (int, float) and -sys.float_info.max <= value <= sys.float_info.max


def whole(value: Any) -> int | None:
    """A whole number, also one that a tool wrote as a float; None for all else."""
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value)
    return None


def shown(value: Any) -> str:
    """A value in a message: on one line, and not longer than that."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
