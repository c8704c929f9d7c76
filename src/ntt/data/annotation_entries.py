"""What a COCO annotation file holds, as far as it is of use."""

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

    LVIS files say of each image which categories are known to be absent (``negative``) and which have more
    objects than are annotated (``not_exhaustive``); None where the file does not.
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

    Where a prompt stands for the mask, mask and box are empty. ``mask_source`` is as the file has it.
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
    """What could be read of a file.

    Attributes:
        file: where it was read.
        images: by id, in file order.
        categories: names by id, in file order.
        annotations: in file order.
        problems: one line for each thing that could not be read, naming file, entry and field.
        frequencies: "r", "c" or "f" (rare, common, frequent) by category id, where LVIS files say it.
    """

    file: Path
    images: dict[int | str, ImageEntry]
    categories: dict[int, str]
    annotations: tuple[Annotation, ...]
    problems: tuple[str, ...]
    frequencies: dict[int, str]

    def sound(self) -> AnnotationFile:
        """This file, if nothing is wrong with it.

        Raises:
            InputError: the problems, one a line.
        """
        if self.problems:
            raise InputError("\n".join(self.problems))
        return self
