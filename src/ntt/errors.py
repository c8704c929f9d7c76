"""Errors that a user can fix."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """Invalid input. The message names the file, the field and the fix in one line.

    Commands print the message without a traceback and exit with code 2 (``ntt.debug=true`` shows the
    traceback).
    """


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return a suggestion for a misspelt name, or the list of known names."""
    names = list(known)
    close = get_close_matches(wrong.lower(), names, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known: {', '.join(names)}."
