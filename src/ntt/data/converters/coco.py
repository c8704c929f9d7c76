"""A COCO file that grows picture by picture, and what is wrong with what it is made from."""

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

FIX = "correct it, or leave out what is broken with --skip-broken"


class CocoBuilder:
    """Collects pictures, objects and problems.

    Args:
        root: the folder that file names will be relative to.

    Attributes:
        problems: what could not be converted, one line each.
        left_out: how many things of a kind COCO has no form for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[str] = []
        self.left_out: Counter[str] = Counter()
        self._images: dict[str, dict[str, Any]] = {}
        self._objects: list[tuple[str, dict[str, Any]]] = []

    @contextmanager
    def noting(self, where: Path | str) -> Iterator[None]:
        """Take an InputError, ValueError or OSError of the block for a problem, and go on behind it."""
        try:
            yield
        except InputError as error:
            self.problems.append(str(error))
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).partition(";")[0].split()).rstrip(".")
            self.problems.append(f"{where}: {reason}; {FIX}")

    def add_picture(self, file: Path, size: Size | None = None) -> dict[str, Any]:
        """Add a picture.

        Args:
            file: below the root.
            size: its annotated height and width; None for those of the picture as it is looked at.

        Returns:
            Its entry.

        Raises:
            InputError: it is unreadable, of another size, not below the root, or there already.
        """
        for problem in picture_problems([TargetEntry(file, size, 0)]):
            raise InputError(problem)
        name = Path(os.path.relpath(file, self.root)).as_posix()
        if name.startswith("../"):
            raise InputError(f"{file}: is not in {self.root}; convert a folder that holds both")
        if name in self._images:
            raise InputError(f"{file}: is annotated by two files; keep one of them")
        height, width = size or image_sizes(file)[0]
        identity = len(self._images) + 1
        self._images[name] = {"id": identity, "file_name": name, "height": height, "width": width}
        return self._images[name]

    def add_object(self, image: dict[str, Any], category: str, shape: dict[str, Any]) -> None:
        """Add an object, with a shape from ``ntt.data.converters.shapes``; its class needs a name."""
        if not category:
            raise ValueError("the name of the class is empty")
        self._objects.append((category, {"image_id": image["id"], "iscrowd": 0, **shape}))

    def content(self) -> dict[str, Any]:
        """The file: categories by name, those that have objects."""
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
