"""Selection among the variants of a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ntt.errors import InputError


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
