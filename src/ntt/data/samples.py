"""References and targets that are read from disk when they are asked for."""

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

MINED = "mined"  # dataset.negatives: what the model mistakes for a class on the references


@dataclass(frozen=True)
class ReferenceEntry:
    """Where a reference is; ``size`` is the annotated height and width, ``mask`` None until it is made."""

    file: Path
    size: Size
    mask: Rle | None
    label: int
    source: str
    prompt: Prompt | None = None


@dataclass(frozen=True)
class TargetEntry:
    """Where a target is; ``size`` is the annotated height and width, if any."""

    file: Path
    size: Size | None
    image_id: int | str


class References(Dataset[Reference]):
    """References, one read at a time."""

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
        """Which have no mask yet; those of one picture together."""
        pictures: defaultdict[tuple[Path, Size], list[int]] = defaultdict(list)
        for index, entry in enumerate(self.entries):
            if entry.mask is None:
                pictures[entry.file, entry.size].append(index)
        return list(pictures.values())

    def give_mask(self, index: int, mask: Rle) -> None:
        """Complete a reference by the mask that was made of its prompt."""
        self.entries[index] = replace(self.entries[index], mask=mask)


class Targets(Dataset[Target]):
    """Target images, one read at a time."""

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
    """What is wrong with the numbers of references and targets asked for."""
    return [
        f"dataset.{name} is {value}; make it 1 or more, or null for all"
        for name, value in (("shots", shots), ("limit", limit))
        if value is not None and value < 1
    ]


def picture_problems(entries: Iterable[ReferenceEntry | TargetEntry], whole: bool = False) -> list[str]:
    """What is wrong with the pictures of some entries, one line a picture.

    Args:
        entries: several may be of one picture.
        whole: read all of the pictures, and not their headers alone.
    """
    unreadable, misannotated = _problems(_pictures(entries), whole)
    return unreadable + misannotated


def target_problems(entries: Iterable[TargetEntry], strict: bool) -> list[str]:
    """What is wrong with the pictures of targets, one line a picture; reads headers only.

    Args:
        entries: of all targets.
        strict: whether some may not be unreadable; all may never be.
    """
    pictures = _pictures(entries)
    unreadable, misannotated = _problems(pictures, whole=False)
    return (unreadable if strict or len(unreadable) == len(pictures) else []) + misannotated


def is_picture(file: Path) -> bool:
    """Whether a file is called like a picture."""
    return file.suffix.lower() in Image.registered_extensions() and file.is_file()


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, by name; what is not called like a picture is passed over.

    Raises:
        InputError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of pictures; correct the path")
    files = sorted(filter(is_picture, folder.iterdir()))
    if not files:
        raise InputError(f"{folder}: there is no picture in this folder; put some there")
    return files


def folder_targets(folder: Path, limit: int | None) -> list[TargetEntry]:
    """The first pictures of a folder as targets, identified by their names.

    Raises:
        InputError: there is no such folder, or no picture in it.
    """
    return [TargetEntry(file, None, file.name) for file in pictures_in(folder)[:limit]]


def _pictures(entries: Iterable[ReferenceEntry | TargetEntry]) -> list[tuple[Path, Size | None]]:
    """File and annotated size, each picture once."""
    return list(dict.fromkeys((entry.file, entry.size) for entry in entries))


def _problems(pictures: Iterable[tuple[Path, Size | None]], whole: bool) -> tuple[list[str], list[str]]:
    """Which pictures cannot be read, and which have another size than annotated."""
    unreadable, misannotated = [], []
    for file, size in pictures:
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
        f"{file}: is {actual[1]} x {actual[0]} pixels, but annotated as {annotated[1]} x {annotated[0]} "
        "(width x height); annotate this picture, or put the annotated one there"
    )
