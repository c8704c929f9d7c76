"""Reading YAML files of other people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ntt.errors import InputError

MOST_BYTES = 10**6
MOST_VALUES = 10**5  # once every alias is written out
LONGEST_NUMBER = 100  # characters; of a long one Python makes slow work


def read_yaml(file: Path) -> Any:
    """The content of a YAML file; no object but plain ones is made of it.

    Raises:
        InputError: absent, unreadable, malformed, or small only as long as its aliases are not followed.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; correct the path") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); name a readable file") from None
    if len(text) > MOST_BYTES:
        raise InputError(f"{file}: has more than {MOST_BYTES} bytes; leave out what is not needed")
    try:
        return _parsed(text.decode("utf-8-sig"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise InputError(f"{where}: not YAML: {getattr(error, 'problem', None) or 'unreadable'}") from None
    except (ValueError, RecursionError) as error:  # other encodings, impossible dates, endless nesting
        reason = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InputError(f"{file}: not YAML: {reason}") from None


def _parsed(text: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _values(node, {}) > MOST_VALUES:
            raise ValueError("has aliases that make it endless; write them out")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _values(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values a node holds once every alias is written out; of what holds itself, infinitely many."""
    if id(node) not in known:
        known[id(node)] = float("inf")  # until it is known
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > LONGEST_NUMBER and node.tag in (
                "tag:yaml.org,2002:int",
                "tag:yaml.org,2002:float",
            ):
                raise ValueError(f"has a number of {len(node.value)} characters")
            inside: list[yaml.Node] = []
        else:
            pairs = isinstance(node, yaml.MappingNode)
            inside = [each for pair in node.value for each in pair] if pairs else node.value
        known[id(node)] = 1 + sum(_values(each, known) for each in inside)
    return known[id(node)]
