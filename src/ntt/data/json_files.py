"""Reading of JSON files, with messages for malformed ones."""

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
CHUNK = 1 << 22  # characters held in memory, unless an entry is longer


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
