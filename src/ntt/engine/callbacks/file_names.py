"""What the pictures made of target images are called."""

from __future__ import annotations

import re

from ntt.data.samples import Targets


def file_names(targets: Targets) -> list[str]:
    """A PNG's name for each image: its stem, with the image's id where an earlier image has that stem.

    The same whichever process asks, and however far the run has come.
    """
    names: dict[str, str] = {}  # by what a file system that does not tell case takes for the name
    for entry in targets.entries:
        # File systems allow 255 bytes, and what is being written has a longer name.
        name = entry.file.stem.encode(errors="replace")[:200].decode(errors="ignore")
        while name.casefold() in names:
            name += "_" + re.sub(r"[^\w.-]", "_", str(entry.image_id))  # an id may be a text, even a path
        names[name.casefold()] = f"{name}.png"
    return list(names.values())
