"""Safe reading of untrusted pickles."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from ntt.errors import InputError


class _PlainUnpickler(pickle._Unpickler):
    """Unpickler that cannot call code: the only known class is OrderedDict, which is read as ``dict``.

    It extends the reader written in Python; the one in C allocates as many entries as a file declares.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return ``dict`` for OrderedDict and refuse all other names."""
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        raise pickle.UnpicklingError(f"it refers to {module}.{name}")


def read_pickle(file: Path) -> Any:
    """Read dictionaries, lists, tuples, numbers and strings from a pickle without executing code.

    Raises:
        InputError: the file is missing, malformed, or contains other types.
    """
    try:
        with file.open("rb") as content:
            return _PlainUnpickler(content).load()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); use a readable file") from None
    except Exception as error:  # malformed pickles raise many types of exceptions
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{file}: is not a pickle of plain lists and dictionaries ({why}); no code in it was executed"
        ) from None
