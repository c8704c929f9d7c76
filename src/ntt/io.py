"""Whole files, YAML and JSON: written atomically, read with messages that name file and line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import yaml

from ntt.errors import InputError

UNFINISHED = "unfinished"  # part of the name of a file that is being written
MOST_BYTES = 10**6
MOST_VALUES = 10**5  # after expanding all aliases
LONGEST_NUMBER = 100  # characters; parsing long numbers is slow in Python
DECODER = json.JSONDecoder()
SPACE = " \t\n\r"
BEHIND_VALUES = (*SPACE, ",", ":", "]", "}")
CHUNK = 1 << 22  # characters held in memory, unless an entry is longer


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path with the same suffix and rename it to ``path`` when the block succeeds.

    Several processes, also on several machines, may write the same file at once; the last one wins.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid4().hex[:8]}.{UNFINISHED}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any, indent: int | None = 2) -> None:
    """Write strict JSON atomically; NaN raises ValueError."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=indent, allow_nan=False) + "\n", encoding="utf-8")


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


def read_json(file: Path, fields: str, if_absent: str = "correct the path") -> dict[str, Any]:
    """Read the object in a JSON file.

    Args:
        file: JSON in UTF-8, with or without a byte order mark.
        fields: expected fields of the object, for the error message.
        if_absent: advice in the error message if the file is missing.

    Raises:
        InputError: the file is missing, unreadable, malformed, or does not contain an object.
    """
    with _explained(file, if_absent):
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise InputError(f"{file}: is not a JSON object with {fields}")
    return content


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def stream_entries(file: Path) -> Iterator[tuple[str, Any]]:
    """Iterate over the entries of all lists in the object of a JSON file, in file order.

    Only one entry is held in memory: the annotations of LVIS take 1 GB as text and several GB as objects.

    Args:
        file: JSON in UTF-8, with or without a byte order mark.

    Yields:
        Key of the list, and entry.

    Raises:
        InputError: the file is missing, unreadable or malformed.
    """
    with _explained(file), file.open(encoding="utf-8-sig") as stream:
        text = _Text(stream)
        text.take("{")
        while text.peek() != "}":
            key = str(text.value())
            text.take(":")
            if text.peek() == "[":
                yield from ((key, entry) for entry in text.entries())
            else:
                text.value()
            if text.take(",}") == "}":
                break


class _Malformed(ValueError):
    """The text is not valid JSON; the message gives position and reason."""


@contextmanager
def _explained(file: Path, if_absent: str = "correct the path") -> Iterator[None]:
    """Convert read errors to an InputError of one line."""
    try:
        yield
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno} ({error.msg})"
        raise InputError(f"{file}: malformed JSON at {where}; correct it or export it again") from None
    except _Malformed as error:
        raise InputError(f"{file}: malformed JSON at {error}; correct it or export it again") from None
    except FileNotFoundError:
        raise InputError(f"{file}: annotation file not found; {if_absent}") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); use a readable file") from None
    except (ValueError, RecursionError):  # wrong encoding, very long numbers, very deep nesting
        raise InputError(f"{file}: is not JSON in UTF-8; export it again") from None


class _Text:
    """Streaming parser that holds only the current part of a JSON text in memory."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.text = ""
        self.at = 0  # position in self.text
        self.dropped = 0  # number of characters before self.text

    def peek(self) -> str:
        """Return the next character that is not white space without consuming it; empty at the end."""
        while self.at == len(self.text) or self.text[self.at] in SPACE:
            if self.at < len(self.text):
                self.at += 1
            elif not self._more():
                return ""
        return self.text[self.at]

    def take(self, expected: str) -> str:
        """Consume the next character, which must be one of the expected ones."""
        found = self.peek()
        if not found or found not in expected:
            raise self._malformed(f"expecting {' or '.join(expected)}")
        self.at += 1
        return found

    def value(self) -> Any:
        """Parse the next value of any type."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                if not self._more():  # otherwise the value may just be incomplete
                    raise self._malformed(error.msg) from None
            else:
                length = end - self.at
                # Without a delimiter after it, a number may continue in the next chunk.
                if self.text[end : end + 1] in BEHIND_VALUES or not self._more():
                    self.at += length
                    return value

    def entries(self) -> Iterator[Any]:
        """Iterate over the values of the next list."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        yield self.value()
        while self.take(",]") == ",":
            yield self.value()

    def _more(self) -> bool:
        """Read the next chunk; double the text for values longer than a chunk, to limit repeated parsing."""
        rest = self.text[self.at :]
        chunk = self.stream.read(max(CHUNK, len(rest)))
        self.dropped += self.at
        self.text, self.at = rest + chunk, 0
        return bool(chunk)

    def _malformed(self, what: str) -> _Malformed:
        return _Malformed(f"character {self.dropped + self.at} ({what})")
