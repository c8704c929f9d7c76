"""Incremental builder of a COCO file that collects conversion problems."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ntt.data.images import Size, image_sizes
from ntt.data.samples import TargetEntry, picture_problems
from ntt.errors import InputError

FIX = "correct it, or skip broken entries with --skip-broken"


class CocoBuilder:
    """Collect images, objects and problems.

    Args:
        root: folder that file names are relative to.

    Attributes:
        problems: one line per entry that could not be converted.
        left_out: number of skipped items by kind, for items that COCO cannot represent.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[str] = []
        self.left_out: Counter[str] = Counter()
        self._images: dict[str, dict[str, Any]] = {}
        self._objects: list[tuple[str, dict[str, Any]]] = []

    @contextmanager
    def noting(self, where: Path | str) -> Iterator[None]:
        """Record an InputError, ValueError or OSError of the block as a problem and continue after it."""
        try:
            yield
        except InputError as error:
            self.problems.append(str(error))
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).partition(";")[0].split()).rstrip(".")
            self.problems.append(f"{where}: {reason}; {FIX}")

    def add_picture(self, file: Path, size: Size | None = None) -> dict[str, Any]:
        """Add an image.

        Args:
            file: path below the root.
            size: annotated height and width; None takes those of the image after the EXIF rotation.

        Returns:
            The image entry.

        Raises:
            InputError: the image is unreadable, has another size, is outside the root, or was already added.
        """
        for problem in picture_problems([TargetEntry(file, size, 0)]):
            raise InputError(problem)
        name = Path(os.path.relpath(file, self.root)).as_posix()
        if name.startswith("../"):
            raise InputError(f"{file}: is not in {self.root}; convert a folder that contains both")
        if name in self._images:
            raise InputError(f"{file}: has two annotation files; keep one of them")
        height, width = size or image_sizes(file)[0]
        identity = len(self._images) + 1
        self._images[name] = {"id": identity, "file_name": name, "height": height, "width": width}
        return self._images[name]

    def add_object(self, image: dict[str, Any], category: str, shape: dict[str, Any]) -> None:
        """Add an object with a shape from ``ntt.data.converters.shapes`` and a non-empty class name."""
        if not category:
            raise ValueError("the class name is empty")
        self._objects.append((category, {"image_id": image["id"], "iscrowd": 0, **shape}))

    def content(self) -> dict[str, Any]:
        """Return the content of the COCO file; its categories are those with objects, sorted by name."""
        names = sorted({category for category, _ in self._objects})
        ids = {name: number for number, name in enumerate(names, start=1)}
        return {
            "images": list(self._images.values()),
            "categories": [{"id": number, "name": name} for name, number in ids.items()],
            "annotations": [
                {"id": number, "category_id": ids[category], **fields}
                for number, (category, fields) in enumerate(self._objects, start=1)
            ],
        }
