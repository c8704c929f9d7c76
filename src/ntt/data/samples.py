"""References and targets that are read from disk on access."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from ntt.data.images import Size, image_sizes, read_image
from ntt.data.masks import Rle, decode_mask
from ntt.errors import InputError
from ntt.structures import Prompt, Reference, Target

MINED = "mined"  # dataset.negatives: hard negatives that the model finds on the reference images


@dataclass(frozen=True)
class ReferenceEntry:
    """Location of a reference; ``size`` is the annotated height and width.

    ``mask`` is None until a pseudo mask has been made from ``prompt``.
    """

    file: Path
    size: Size
    mask: Rle | None
    label: int
    source: str
    prompt: Prompt | None = None


@dataclass(frozen=True)
class TargetEntry:
    """Location of a target; ``size`` is the annotated height and width, if any."""

    file: Path
    size: Size | None
    image_id: int | str


class References(Dataset[Reference]):
    """References, read one at a time."""

    def __init__(self, entries: Iterable[ReferenceEntry]) -> None:
        self.entries = list(entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Reference:
        entry = self.entries[index]
        image = _read(entry.file, entry.size)
        mask = None if entry.mask is None else decode_mask(entry.mask)
        return Reference(image, mask, entry.label, entry.source, entry.prompt)

    def __iter__(self) -> Iterator[Reference]:
        return (self[index] for index in range(len(self)))

    def without_mask(self) -> list[list[int]]:
        """Return the indices of references without a mask, grouped by image."""
        images: defaultdict[tuple[Path, Size], list[int]] = defaultdict(list)
        for index, entry in enumerate(self.entries):
            if entry.mask is None:
                images[entry.file, entry.size].append(index)
        return list(images.values())

    def give_mask(self, index: int, mask: Rle) -> None:
        """Set the pseudo mask of a reference."""
        self.entries[index] = replace(self.entries[index], mask=mask)


class Targets(Dataset[Target]):
    """Target images, read one at a time."""

    def __init__(self, entries: Sequence[TargetEntry]) -> None:
        self.entries = entries

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Target:
        entry = self.entries[index]
        return Target(_read(entry.file, entry.size), entry.image_id, entry.file)

    def __iter__(self) -> Iterator[Target]:
        return (self[index] for index in range(len(self)))


def count_problems(shots: int | None, limit: int | None) -> list[str]:
    """Check ``shots`` and ``limit`` and return one message per invalid value."""
    return [
        f"dataset.{name} must be at least 1, or null for all, got {value}"
        for name, value in (("shots", shots), ("limit", limit))
        if value is not None and value < 1
    ]


def image_problems(entries: Iterable[ReferenceEntry | TargetEntry], whole: bool = False) -> list[str]:
    """Check the images of entries and return one message per faulty image.

    Args:
        entries: entries to check; several may share an image.
        whole: decode the images instead of reading only their headers.
    """
    unreadable, misannotated = _problems(_distinct_images(entries), whole)
    return unreadable + misannotated


def target_problems(entries: Iterable[TargetEntry], strict: bool) -> list[str]:
    """Check the headers of target images and return one message per faulty image.

    Args:
        entries: entries of all targets.
        strict: report unreadable images even if others are readable.
    """
    images = _distinct_images(entries)
    unreadable, misannotated = _problems(images, whole=False)
    return (unreadable if strict or len(unreadable) == len(images) else []) + misannotated


def is_image_file(file: Path) -> bool:
    """Return whether a file exists and has the extension of an image format."""
    return file.suffix.lower() in Image.registered_extensions() and file.is_file()


def images_in(folder: Path) -> list[Path]:
    """List the images in a folder by name; files with other extensions are ignored.

    Raises:
        InputError: the folder does not exist or contains no image.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: image folder not found; correct the path")
    files = sorted(filter(is_image_file, folder.iterdir()))
    if not files:
        raise InputError(f"{folder}: the folder contains no image; add at least one")
    return files


def folder_targets(folder: Path, limit: int | None) -> list[TargetEntry]:
    """Create target entries for the first images of a folder; their ids are the file names.

    Raises:
        InputError: the folder does not exist or contains no image.
    """
    return [TargetEntry(file, None, file.name) for file in images_in(folder)[:limit]]


def _distinct_images(entries: Iterable[ReferenceEntry | TargetEntry]) -> list[tuple[Path, Size | None]]:
    """Return the distinct pairs of file and annotated size."""
    return list(dict.fromkeys((entry.file, entry.size) for entry in entries))


def _problems(images: Iterable[tuple[Path, Size | None]], whole: bool) -> tuple[list[str], list[str]]:
    """Return messages for unreadable images and for images whose size differs from the annotation."""
    unreadable, misannotated = [], []
    for file, size in images:
        try:
            sizes = image_sizes(file, whole)
        except InputError as error:
            unreadable.append(str(error))
        else:
            if size is not None and size not in sizes:
                misannotated.append(_wrong_size(file, size, sizes[0]))
    return unreadable, misannotated


def _read(file: Path, size: Size | None) -> Tensor:
    image = read_image(file, size)
    height, width = image.shape[1:]
    if size is not None and size != (height, width):
        raise InputError(_wrong_size(file, size, (height, width)))
    return image


def _wrong_size(file: Path, annotated: Size, actual: Size) -> str:
    return (
        f"{file}: the image is {actual[1]} x {actual[0]} pixels, but its annotation says {annotated[1]} x "
        f"{annotated[0]} (width x height); correct the annotation or replace the image"
    )
