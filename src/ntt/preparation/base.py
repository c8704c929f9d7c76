"""Base class of the files that a dataset requires."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Need(ABC):
    """Files that a dataset requires.

    Attributes:
        size: Download size in bytes.
    """

    size: int = 0

    @abstractmethod
    def lacking(self) -> list[str]:
        """Return one line per missing file; empty if all files exist."""

    @abstractmethod
    def provide(self) -> None:
        """Download or make the missing files.

        Raises:
            InputError: The files cannot be provided; the message tells the user how to get them.
        """
