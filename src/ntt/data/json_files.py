"""Reading JSON files that people and tools have written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ntt.errors import InputError

DECODER = json.JSONDecoder()
SPACE = " \t\n\r"
BEHIND_VALUES = (*SPACE, ",", ":", "]", "}")
CHUNK = 1 << 22  # characters in memory, if no entry is longer


def read_json(file: Path, fields: str, if_absent: str = "correct the path") -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        file: in UTF-8, with or without a byte order mark.
        fields: what the object has, for the message.
        if_absent: what to do where there is no such file, for the message.

    Raises:
        InputError: the file is absent, unreadable, malformed, or holds something else than an object.
    """
    with _explained(file, if_absent):
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise InputError(f"{file}: is not a JSON object with {fields}")
    return content


def stream_entries(file: Path) -> Iterator[tuple[str, Any]]:
    """The entries of all lists in the object of a JSON file, with the keys of the lists, in file order.

    One entry is held at a time: the annotations of LVIS are a gigabyte as text, and several as objects.

    Args:
        file: in UTF-8, with or without a byte order mark.

    Raises:
        InputError: the file is absent, unreadable or malformed.
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
    """Where a text is no JSON, and why."""


@contextmanager
def _explained(file: Path, if_absent: str = "correct the path") -> Iterator[None]:
    """Say in one line why a file cannot be read."""
    try:
        yield
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno} ({error.msg})"
        raise InputError(f"{file}: malformed JSON at {where}; correct it or export it again") from None
    except _Malformed as error:
        raise InputError(f"{file}: malformed JSON at {error}; correct it or export it again") from None
    except FileNotFoundError:
        raise InputError(f"{file}: no such annotation file; {if_absent}") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); name a readable file") from None
    except (ValueError, RecursionError):  # other encodings, endless numbers, endless nesting
        raise InputError(f"{file}: is not a JSON text in UTF-8; export it again") from None


class _Text:
    """A JSON text, of which no more than what is being read is in memory."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.text = ""
        self.at = 0  # in the text
        self.dropped = 0  # characters before it

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while self.at == len(self.text) or self.text[self.at] in SPACE:
            if self.at < len(self.text):
                self.at += 1
            elif not self._more():
                return ""
        return self.text[self.at]

    def take(self, expected: str) -> str:
        """The next character, which has to be one of those expected."""
        found = self.peek()
        if not found or found not in expected:
            raise self._malformed(f"expecting {' or '.join(expected)}")
        self.at += 1
        return found

    def value(self) -> Any:
        """The next value, of any kind."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                if not self._more():  # else it may only be cut short
                    raise self._malformed(error.msg) from None
            else:
                length = end - self.at
                # Not so where a number is cut in two.
                if self.text[end : end + 1] in BEHIND_VALUES or not self._more():
                    self.at += length
                    return value

    def entries(self) -> Iterator[Any]:
        """Those of the list that is next."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        yield self.value()
        while self.take(",]") == ",":
            yield self.value()

    def _more(self) -> bool:
        """Read on; twice as far where one value is longer than a chunk, so that it is not tried often."""
        rest = self.text[self.at :]
        chunk = self.stream.read(max(CHUNK, len(rest)))
        self.dropped += self.at
        self.text, self.at = rest + chunk, 0
        return bool(chunk)

    def _malformed(self, what: str) -> _Malformed:
        return _Malformed(f"character {self.dropped + self.at} ({what})")
