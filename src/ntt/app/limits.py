"""Limits on the inputs of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ntt.data.images import image_sizes
from ntt.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Maximum sizes and counts of one session.

    Attributes:
        megabytes: maximum size of an uploaded file.
        megapixels: maximum size of an image; a small file may decode to a huge image.
        pictures: maximum number of target images in one search.
        examples: maximum number of references.
    """

    megabytes: int
    megapixels: float
    pictures: int
    examples: int

    def check_picture(self, file: Path) -> None:
        """Check the header of an image before it is decoded.

        Raises:
            InputError: the file is not an image, or too large; the message contains its name, not its folder.
        """
        try:
            height, width = image_sizes(file)[0]
        except InputError as error:
            raise InputError(without_folder(str(error), file)) from error
        if height * width > self.megapixels * 1e6:
            size = f"{width} x {height}"
            raise InputError(f"{file.name} is {size} pixels; the maximum is {self.megapixels:g} megapixels")

    def check_pictures(self, files: Sequence[Path]) -> None:
        """Raise InputError if there are too many target images, or none."""
        if not files:
            raise InputError("There is no target image yet; add one")
        if len(files) > self.pictures:
            raise InputError(f"There are {len(files)} target images; the maximum is {self.pictures}")

    def check_examples(self, count: int) -> None:
        """Raise InputError if one more reference would exceed the limit."""
        if count >= self.examples:
            raise InputError(f"There are already {count} references; remove one before you add another")


def without_folder(message: str, file: Path) -> str:
    """Replace the path in a message by the file name, to hide where uploads are stored."""
    return message.replace(str(file), file.name)
