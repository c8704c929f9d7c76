"""What the pictures made of target images are called."""

from __future__ import annotations

import re

from ntt.structures import Target


class FileNames:
    """Names that tell images apart, given in the order of a run."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def next(self, target: Target) -> str:
        """The picture's stem as a PNG; with the image's id where an earlier picture has that stem."""
        # File systems allow 255 bytes, and what is being written has a longer name.
        name = target.path.stem.encode(errors="replace")[:200].decode(errors="ignore")
        while name.casefold() in self._taken:  # some file systems do not tell case
            name += "_" + re.sub(r"[^\w.-]", "_", str(target.image_id))  # an id may be a text, even a path
        self._taken.add(name.casefold())
        return f"{name}.png"
