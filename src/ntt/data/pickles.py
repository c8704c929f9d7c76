"""Reading pickles without trusting them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from ntt.errors import InputError


class _PlainUnpickler(pickle._Unpickler):
    """Knows no class but ordered dictionaries, which it makes plain ones; so a pickle can call nothing.

    Python's own reader, and not the faster one in C, which makes room for as many entries as a file says.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Refuse what a pickle names."""
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def read_pickle(file: Path) -> Any:
    """Dictionaries, lists, tuples, numbers and texts from a pickle.

    Raises:
        InputError: the file is absent or broken, or has something else in it; nothing of it was executed.
    """
    try:
        with file.open("rb") as content:
            return _PlainUnpickler(content).load()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); name a readable file") from None
    except Exception as error:  # a broken pickle raises whatever it stumbles over
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{file}: is no pickle of plain lists and dictionaries ({why}); nothing of it was executed"
        ) from None
