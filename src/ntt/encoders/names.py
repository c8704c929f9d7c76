"""Look-up of variants by name, with suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ntt.errors import InputError, did_you_mean

Config = TypeVar("Config")


def look_up(family: str, configs: Mapping[str, Config], name: str) -> Config:
    """Return the entry called ``name``.

    Raises:
        InputError: unknown name; the message suggests the closest one, or lists all if none is close.
    """
    if name in configs:
        return configs[name]
    raise InputError(f"Unknown {family} model: {name}. {did_you_mean(name, configs)}")
