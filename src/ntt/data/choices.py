"""Choosing among the variants that a protocol has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ntt.errors import InputError


def pick(choice: Any, options: Mapping[Any, Any], field: str) -> Any:
    """The option chosen.

    Args:
        choice: one of the keys of ``options``.
        options: what there is.
        field: where it was chosen, for the message.

    Raises:
        InputError: there is no such option.
    """
    if choice not in options:
        raise InputError(f"{field} is {choice}; make it one of: {', '.join(map(str, options))}")
    return options[choice]
