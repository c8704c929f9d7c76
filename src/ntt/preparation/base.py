"""The contract of everything that a data set needs."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Need(ABC):
    """Files that have to be there.

    Attributes:
        size: bytes to be fetched for them.
    """

    size: int = 0

    @abstractmethod
    def lacking(self) -> list[str]:
        """What is not there, one line each; empty if nothing has to be done."""

    @abstractmethod
    def provide(self) -> None:
        """See to it that it is there.

        Raises:
            InputError: it cannot be done; says what a user can do.
        """
