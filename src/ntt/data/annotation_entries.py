"""Content of a COCO annotation file, restricted to the fields in use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntt.data.masks import Rle
from ntt.errors import InputError
from ntt.structures import Prompt


@dataclass(frozen=True)
class ImageEntry:
    """An entry of ``images``; sizes in pixels.

    LVIS files list for each image the categories that are known to be absent (``negative``) and those that
    are not annotated exhaustively (``not_exhaustive``); None if the file has no such list.
    """

    id: int | str
    file_name: str
    height: int
    width: int
    negative: tuple[int, ...] | None = None
    not_exhaustive: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Annotation:
    """An entry of ``annotations``; box as x, y, width, height in pixels; ``difficult`` as in PASCAL VOC.

    With a prompt instead of a mask, mask and box are empty. ``mask_source`` is the value in the file.
    """

    id: int | str
    image_id: int | str
    category_id: int
    mask: Rle
    box: list[float]
    area: float
    crowd: bool
    prompt: Prompt | None
    mask_source: Any
    difficult: bool = False


@dataclass(frozen=True)
class AnnotationFile:
    """Readable content of an annotation file.

    Attributes:
        file: path of the file.
        images: by id, in file order.
        categories: names by id, in file order.
        annotations: in file order.
        problems: one line per invalid entry, naming file, entry and field.
        frequencies: LVIS frequency ("r", "c" or "f": rare, common, frequent) by category id, if present.
    """

    file: Path
    images: dict[int | str, ImageEntry]
    categories: dict[int, str]
    annotations: tuple[Annotation, ...]
    problems: tuple[str, ...]
    frequencies: dict[int, str]

    def sound(self) -> AnnotationFile:
        """Return this object if there are no problems.

        Raises:
            InputError: there are problems; the message lists them, one per line.
        """
        if self.problems:
            raise InputError("\n".join(self.problems))
        return self
