"""Files that must be downloaded manually."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ntt.errors import InputError
from ntt.preparation.base import Need


class ByHand(Need):
    """Files from a page that needs manual steps: Google Drive, a form, a licence.

    Args:
        page: Address of the page.
        files: Required files and folders.
    """

    def __init__(self, page: str, files: Sequence[str]) -> None:
        self.page = page
        self.files = [Path(file) for file in files]

    def lacking(self) -> list[str]:
        """See the base class."""
        return [f"{file}: missing" for file in self.files if not file.exists()]

    def provide(self) -> None:
        """See the base class."""
        raise InputError(f"{self.lacking()[0]}; download it manually from {self.page} to this path")
