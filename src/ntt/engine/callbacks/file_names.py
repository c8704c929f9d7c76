"""File names of the images that are written for target images."""

from __future__ import annotations

import re

from ntt.data.samples import Targets


def file_names(targets: Targets) -> list[str]:
    """Return a unique PNG file name for each target image.

    The name is the stem of the image file; the image id is appended if an earlier image has the same stem.
    The names are the same in every process and do not depend on the progress of the run.
    """
    names: dict[str, str] = {}  # by case-folded name, for file systems that ignore case
    for entry in targets.entries:
        # File systems allow 255 bytes, and temporary files have longer names.
        name = entry.file.stem.encode(errors="replace")[:200].decode(errors="ignore")
        while name.casefold() in names:
            name += "_" + re.sub(r"[^\w.-]", "_", str(entry.image_id))  # an id may be a string, even a path
        names[name.casefold()] = f"{name}.png"
    return list(names.values())
