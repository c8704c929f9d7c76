"""Looking a variant up by name, with a helpful answer to a misspelt one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ntt.errors import InputError, did_you_mean

Config = TypeVar("Config")


def look_up(family: str, configs: Mapping[str, Config], name: str) -> Config:
    """The entry called ``name``.

    Raises:
        InputError: no such entry; names the closest one, or all of them when none is close.
    """
    if name in configs:
        return configs[name]
    raise InputError(f"Unknown {family} model: {name}. {did_you_mean(name, configs)}")
