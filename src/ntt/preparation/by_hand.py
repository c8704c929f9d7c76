"""What no program can fetch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ntt.errors import InputError
from ntt.preparation.base import Need


class ByHand(Need):
    """Files from a page that wants a person: Google Drive, a form, a licence.

    Args:
        page: where they are.
        files: files and folders.
    """

    def __init__(self, page: str, files: Sequence[str]) -> None:
        self.page = page
        self.files = [Path(file) for file in files]

    def lacking(self) -> list[str]:
        """See the base class."""
        return [f"{file}: is not there" for file in self.files if not file.exists()]

    def provide(self) -> None:
        """See the base class."""
        raise InputError(
            f"{self.lacking()[0]}; get it from {self.page}, which this script cannot do, and put it there"
        )
