"""Looking a variant up by name, with a helpful answer to a misspelt one."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from ntt.errors import InputError

Config = TypeVar("Config")


def look_up(family: str, configs: Mapping[str, Config], name: str) -> Config:
    """The entry called ``name``.

    Raises:
        InputError: no such entry; names the closest one, or all of them when none is close.
    """
    if name in configs:
        return configs[name]
    closest = get_close_matches(name.lower(), configs, n=1)
    hint = f"Did you mean {closest[0]}?" if closest else f"Known: {', '.join(configs)}."
    raise InputError(f"Unknown {family} model: {name}. {hint}")
