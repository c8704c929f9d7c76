"""Translate config dictionaries of other code to options of this project, key by key."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from reprlib import repr as shortened
from typing import Any

from ntt.errors import InputError

# Maps a value to options by dotted name, or to None if it has no equivalent.
Rule = Callable[[Any], Mapping[str, Any] | None]
KIND_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    int | str: "a whole number or text",
}


def becomes(option: str, kind: Any) -> Rule:
    """Return a rule that copies the value to an option.

    Args:
        option: Dotted name of the option.
        kind: One of ``KIND_NAMES``.
    """

    def rule(value: Any) -> Mapping[str, Any]:
        return {option: of_kind(value, kind)}

    return rule


def only(possible: Any) -> Rule:
    """Return a rule that accepts a single value and ignores it."""

    def rule(value: Any) -> Mapping[str, Any]:
        if value != possible:
            raise InputError(f"{shortened(value)} is not supported, only {possible}")
        return {}

    return rule


def unused(value: Any) -> None:
    """Ignore a value without an equivalent."""


def of_kind(value: Any, kind: Any) -> Any:
    """Check the type of a value and return it, with paths converted to strings.

    Raises:
        InputError: The value has another type.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    fits = isinstance(value, int | float if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{shortened(value)} is not {KIND_NAMES[kind]}")
    return value


@dataclass
class Translation:
    """Result of a translation.

    Attributes:
        options: Values by dotted option name.
        unused: Full keys without an equivalent.
        problems: Messages, each starting with the full key.
    """

    options: dict[str, Any] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def require_sound(self, where: str) -> None:
        """Raise InputError with one line per problem, prefixed with ``where``."""
        if self.problems:
            raise InputError("\n".join(f"{where}: {problem}" for problem in self.problems))


def translate(content: Mapping[Any, Any], rules: Mapping[str, Rule]) -> Translation:
    """Apply the rule of its full dotted name to each key of nested dictionaries; ignore null values."""
    result = Translation()
    origins: dict[str, str] = {}
    for key, value in dict(_flatten(content, rules)).items():
        if value is None and (key in rules or _inside(key, rules)):
            continue
        if key not in rules:
            result.problems.append(_unknown(key, rules))
            continue
        try:
            options = rules[key](value)
        except InputError as error:
            result.problems.append(f"{key}: {error}")
            continue
        if options is None:
            result.unused.append(key)
            continue
        for option, new in options.items():
            old = result.options.get(option)
            if option in origins and new != old:
                other = f"{origins[option]} is {shortened(old)}"
                result.problems.append(f"{key} is {shortened(new)}, but {other}; use the same value for both")
            else:
                result.options[option], origins[option] = new, key
    return result


def _flatten(
    content: Mapping[Any, Any], rules: Mapping[str, Rule], above: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield full keys and values, as deeply nested as the rules; keys that contain dots come last."""
    for key, value in sorted(content.items(), key=lambda item: "." in str(item[0])):
        full = f"{above}{key}"
        if isinstance(value, Mapping) and full not in rules and _inside(full, rules):
            yield from _flatten(value, rules, f"{full}.")
        else:
            yield full, value


def _inside(key: str, rules: Mapping[str, Rule]) -> list[str]:
    return [rule for rule in rules if rule.startswith(f"{key}.")]


def _unknown(key: str, rules: Mapping[str, Rule]) -> str:
    """Describe an unknown key and suggest a similar sibling, or a similar key elsewhere."""
    inside = _inside(key, rules)
    if inside:
        return f"{key} must contain keys, such as {inside[0]}"
    parent, _, name = key.rpartition(".")
    neighbours: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    for rule in rules:
        parts = rule.split(".")
        for depth, part in enumerate(parts, start=1):
            known = neighbours if ".".join(parts[: depth - 1]) == parent else elsewhere
            known.setdefault(part, ".".join(parts[:depth]))
    for known in (neighbours, elsewhere):
        close = get_close_matches(name, known, n=1, cutoff=0.7)
        if close:
            return f"{key} is unknown; did you mean {known[close[0]]}?"
    return f"{key} is unknown; remove it"
