"""Where data sets keep a picture and what is known of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ntt.data.samples import is_picture
from ntt.errors import InputError


def pictures_below(root: Path) -> list[Path]:
    """All pictures in a folder and in those inside.

    Raises:
        InputError: there is no such folder, or no picture in it.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; correct the path")
    files = sorted(filter(is_picture, root.rglob("*")))
    if not files:
        raise InputError(f"{root}: there is no picture in this folder; name the one that holds the data set")
    return files


def twin_folders(folder: Path, names: Collection[str], twins: Sequence[str]) -> Iterator[Path]:
    """The folder, and those that hold the other half: for ``a/images/b`` also ``a/labels/b``.

    Args:
        folder: of a file.
        names: what a folder of such files is called, in lower case.
        twins: what the folders of the other half are called.
    """
    yield folder
    parts = folder.absolute().parts
    places = [place for place, part in enumerate(parts) if part.lower() in names]
    for twin in twins if places else ():
        yield Path(*parts[: places[-1]], twin, *parts[places[-1] + 1 :])
