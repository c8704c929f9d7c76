"""How much a visitor of the page may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ntt.data.images import image_sizes
from ntt.errors import InputError


@dataclass(frozen=True)
class Limits:
    """What one session may hold.

    Attributes:
        megabytes: of one file.
        megapixels: of one picture; a small file may unpack to a huge one.
        pictures: searched at once.
        examples: remembered.
    """

    megabytes: int
    megapixels: float
    pictures: int
    examples: int

    def check_picture(self, file: Path) -> None:
        """Look at a picture before it is unpacked.

        Raises:
            InputError: it is none, or too large; the message has the name and not the folder.
        """
        try:
            height, width = image_sizes(file)[0]
        except InputError as error:
            raise InputError(without_folder(str(error), file)) from error
        if height * width > self.megapixels * 1e6:
            size = f"{width} x {height}"
            raise InputError(f"{file.name} is {size} pixels; make it {self.megapixels:g} megapixels at most")

    def check_pictures(self, files: Sequence[Path]) -> None:
        """Raise InputError if there are too many pictures to search, or none."""
        if not files:
            raise InputError("There is no picture to search yet: add one")
        if len(files) > self.pictures:
            raise InputError(f"These are {len(files)} pictures; search {self.pictures} at a time at most")

    def check_examples(self, count: int) -> None:
        """Raise InputError if one more example would be too many."""
        if count >= self.examples:
            raise InputError(f"{count} examples are remembered already; remove one before you add another")


def without_folder(message: str, file: Path) -> str:
    """The message as it reads to somebody who does not know where uploads are kept."""
    return message.replace(str(file), file.name)
