"""Errors that a user caused and can mend."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """Bad input, said in one line that names the file, the field and the fix.

    Commands print the message without a traceback and exit with code 2
    (``ntt.debug=true`` shows the traceback).
    """


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """What was probably meant, or what there is."""
    names = list(known)
    close = get_close_matches(wrong.lower(), names, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known: {', '.join(names)}."
