"""Reading of untrusted YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ntt.errors import InputError

MOST_BYTES = 10**6
MOST_VALUES = 10**5  # after expanding all aliases
LONGEST_NUMBER = 100  # characters; parsing long numbers is slow in Python


def read_yaml(file: Path) -> Any:
    """Read a YAML file with plain values only, without constructing other Python objects.

    Raises:
        InputError: The file is missing, unreadable or malformed, or too large after expanding its aliases.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; correct the path") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); choose a readable file") from None
    if len(text) > MOST_BYTES:
        raise InputError(f"{file}: has more than {MOST_BYTES} bytes; remove unneeded content")
    try:
        return _parsed(text.decode("utf-8-sig"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise InputError(f"{where}: not YAML: {getattr(error, 'problem', None) or 'unreadable'}") from None
    except (ValueError, RecursionError) as error:  # wrong encoding, invalid date, too deep nesting
        reason = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InputError(f"{file}: not YAML: {reason}") from None


def _parsed(text: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _values(node, {}) > MOST_VALUES:
            raise ValueError(f"aliases expand to more than {MOST_VALUES} values; write them out")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _values(node: yaml.Node, known: dict[int, float]) -> float:
    """Count the values of a node after expanding all aliases; infinite for a node that contains itself."""
    if id(node) not in known:
        known[id(node)] = float("inf")  # for a recursive alias
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > LONGEST_NUMBER and node.tag in (
                "tag:yaml.org,2002:int",
                "tag:yaml.org,2002:float",
            ):
                raise ValueError(f"contains a number of {len(node.value)} characters")
            inside: list[yaml.Node] = []
        else:
            pairs = isinstance(node, yaml.MappingNode)
            inside = [each for pair in node.value for each in pair] if pairs else node.value
        known[id(node)] = 1 + sum(_values(each, known) for each in inside)
    return known[id(node)]
