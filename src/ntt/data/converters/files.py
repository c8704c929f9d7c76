"""Location of images and their annotation files in datasets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ntt.data.samples import is_picture
from ntt.errors import InputError


def pictures_below(root: Path) -> list[Path]:
    """List all images in a folder and its subfolders.

    Raises:
        InputError: the folder does not exist or contains no image.
    """
    if not root.is_dir():
        raise InputError(f"{root}: folder not found; correct the path")
    files = sorted(filter(is_picture, root.rglob("*")))
    if not files:
        raise InputError(f"{root}: the folder contains no image; use the root folder of the dataset")
    return files


def twin_folders(folder: Path, names: Collection[str], twins: Sequence[str]) -> Iterator[Path]:
    """Yield a folder and its counterparts: for ``a/images/b`` also ``a/labels/b``.

    Args:
        folder: folder of a file.
        names: names of folders of such files, in lower case.
        twins: names of the counterpart folders.
    """
    yield folder
    parts = folder.absolute().parts
    places = [place for place, part in enumerate(parts) if part.lower() in names]
    for twin in twins if places else ():
        yield Path(*parts[: places[-1]], twin, *parts[places[-1] + 1 :])
