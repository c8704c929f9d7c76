"""Incremental builder of a COCO file that collects conversion problems."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from ntt.data.images import Size, image_sizes
from ntt.data.masks import Rle, encode_mask, encode_segmentation, mask_area, mask_box
from ntt.data.prompts import read_box, read_points
from ntt.data.samples import TargetEntry, image_problems, is_image_file
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

    def add_image(self, file: Path, size: Size | None = None) -> dict[str, Any]:
        """Add an image.

        Args:
            file: path below the root.
            size: annotated height and width; None takes those of the image after the EXIF rotation.

        Returns:
            The image entry.

        Raises:
            InputError: the image is unreadable, has another size, is outside the root, or was already added.
        """
        for problem in image_problems([TargetEntry(file, size, 0)]):
            raise InputError(problem)
        name = Path(os.path.relpath(file, self.root)).as_posix()
        if name.startswith("../"):
            raise InputError(f"{file}: is not in {self.root}; convert a folder that contains both")
        if name in self._images:
            raise InputError(f"{file}: has two annotation files; keep one of them")
        height, width = size or image_sizes(file)[0]
        image_id = len(self._images) + 1
        self._images[name] = {"id": image_id, "file_name": name, "height": height, "width": width}
        return self._images[name]

    def add_object(self, image: dict[str, Any], category: str, shape: dict[str, Any]) -> None:
        """Add an object with a shape from ``ntt.data.converters.coco`` and a non-empty class name."""
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


def images_below(root: Path) -> list[Path]:
    """List all images in a folder and its subfolders.

    Raises:
        InputError: the folder does not exist or contains no image.
    """
    if not root.is_dir():
        raise InputError(f"{root}: folder not found; correct the path")
    files = sorted(filter(is_image_file, root.rglob("*")))
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


def box_shape(corners: Iterable[float], size: Size) -> dict[str, Any]:
    """Convert a box ``x1 y1 x2 y2``, clipped to the image."""
    x1, y1, x2, y2 = map(float, corners)
    try:
        x1, y1, x2, y2 = read_box([x1, y1, x2 - x1, y2 - y1], *size)
    except ValueError as error:
        raise ValueError(f"box {error}") from None
    box = _rounded([x1, y1, x2 - x1, y2 - y1])
    return {"bbox": box, "area": round(box[2] * box[3], 3)}


def outline_shape(polygons: Sequence[Sequence[float]], size: Size) -> dict[str, Any]:
    """Convert the polygons of one object, each ``x1 y1 x2 y2 ...``."""
    outline = [_rounded(polygon) for polygon in polygons]
    try:
        mask = encode_segmentation(outline, *size)
    except ValueError as error:
        raise ValueError(f"object {error}") from None
    return {"segmentation": outline, **_extent(mask)}


def mask_shape(mask: Tensor) -> dict[str, Any]:
    """Convert a mask, ``(H, W)`` bool, to run lengths."""
    rle = encode_mask(mask)
    return {"segmentation": {"size": rle["size"], "counts": rle["counts"].decode()}, **_extent(rle)}


def points_shape(points: Sequence[Sequence[float]], size: Size) -> dict[str, Any]:
    """Convert points ``x y`` on the object."""
    try:
        found = read_points([[*map(float, point)] for point in points], *size)
    except ValueError as error:
        raise ValueError(f"point {error}") from None
    return {"points": [[*_rounded((x, y)), label] for x, y, label in found]}


def _extent(mask: Rle) -> dict[str, Any]:
    if mask_area(mask) == 0:
        raise ValueError("object covers no pixel of the image")
    return {"bbox": mask_box(mask), "area": mask_area(mask)}


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(float(number), 3) for number in numbers]
