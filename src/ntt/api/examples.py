"""Examples of a class in the Python API, and reading of references in all accepted forms."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntt.api.images import ImageLike, as_tensor
from ntt.data import FewShotDataset, FolderDataset
from ntt.data.mask_images import read_masks
from ntt.data.prompts import read_box, read_points
from ntt.data.validation import shown
from ntt.errors import InputError
from ntt.structures import Prompt, Reference

Mask: TypeAlias = NDArray[np.bool_] | Tensor | str | os.PathLike[str]
Box: TypeAlias = Sequence[float] | NDArray[Any] | Tensor
Points: TypeAlias = Sequence[Sequence[float]] | NDArray[Any] | Tensor


@dataclass(frozen=True, eq=False)  # arrays cannot be compared to a single bool
class Example:
    """A reference image with one or several objects of a class, given by masks, boxes or points.

    Without a mask, the segmenter predicts a pseudo mask from the box or points. The origin of pixel
    coordinates is the upper left corner of the image after the EXIF rotation.

    Attributes:
        image: a path, a PIL image, RGB ``(H, W, 3)`` uint8, or RGB ``(3, H, W)`` float in [0, 1].
        name: class name.
        mask: ``(H, W)`` bool, or ``(N, H, W)`` for several objects; or the path of a mask image with black
            background (for several objects in one mask image, see docs/custom_data.md).
        box: ``x1 y1 x2 y2`` in pixels, exclusive right and bottom, as in results; ``(N, 4)`` for several
            objects.
        points: ``(P, 2)`` or ``(P, 3)``: ``x y`` in pixels and label, 1 for the object (default) or 0 for
            background. All points belong to one object; with a box, to the object in the box.

    Raises:
        InputError: the name is empty, there is no mask, box or points, or both a mask and a box or points.
    """

    image: ImageLike
    name: str
    mask: Mask | None = None
    box: Box | None = None
    points: Points | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InputError(f"the name of an example must be a non-empty class name, got {self.name!r}")
        if (self.mask is None) == (self.box is None and self.points is None):
            raise InputError(f"{self.source}: pass either a mask, or a box or points")

    @property
    def source(self) -> str:
        """Description of the example in messages."""
        is_file = isinstance(self.image, str | os.PathLike)
        return os.fspath(self.image) if is_file else f"an example of {self.name!r}"  # type: ignore[arg-type]

    def references(self, label: int) -> Iterator[Reference]:
        """Read the image and yield one reference per object.

        Args:
            label: index of the class.

        Raises:
            InputError: the image or mask cannot be read, or mask, box or points do not match the image.
        """
        image = as_tensor(self.image, self.source).cpu()
        height, width = image.shape[1:]
        if self.mask is not None:
            for mask in self._masks(height, width):
                yield Reference(image, mask, label, self.source)
            return
        for prompt in self._prompts(height, width):
            yield Reference(image, None, label, self.source, prompt)

    def _masks(self, height: int, width: int) -> Sequence[Tensor]:
        if isinstance(self.mask, str | os.PathLike):
            where, masks = os.fspath(self.mask), list(read_masks(Path(self.mask)))
        else:
            where, masks = f"{self.source}: the mask", list(_object_masks(self.mask, self.source))
        for mask in masks:
            if tuple(mask.shape) != (height, width):
                size = f"{mask.shape[1]} x {mask.shape[0]}"
                raise InputError(f"{where} is {size} pixels, the image {width} x {height}; use the same size")
        if not masks or not all(bool(mask.any()) for mask in masks):
            raise InputError(f"{where} is empty; draw the object or remove this example")
        return masks

    def _prompts(self, height: int, width: int) -> list[Prompt]:
        try:
            points = () if self.points is None else read_points(_listed(self.points), height, width)
        except ValueError as error:
            raise InputError(f"{self.source}: points {error}") from None
        boxes = [None] if self.box is None else self._boxes(height, width)
        if len(boxes) > 1 and points:
            raise InputError(f"{self.source}: points need a single box; create one example per object")
        if boxes == [None] and not any(label for _, _, label in points):
            raise InputError(f"{self.source}: no point is on the object; add a point with label 1 or a box")
        return [Prompt(box, points) for box in boxes]

    def _boxes(self, height: int, width: int) -> Sequence[tuple[float, float, float, float]]:
        given = _listed(self.box)
        boxes = given if given and isinstance(given[0], list) else [given]
        return [self._box(box, height, width) for box in boxes]

    def _box(self, box: Any, height: int, width: int) -> tuple[float, float, float, float]:
        try:
            x1, y1, x2, y2 = box
            return read_box([x1, y1, x2 - x1, y2 - y1], height, width)
        except (TypeError, ValueError):
            form = f"x1 y1 x2 y2 in pixels of the {width} x {height} image"
            raise InputError(f"{self.source}: box must be {form}, got {shown(box)}") from None


def _object_masks(mask: Any, source: str) -> Tensor:
    """Convert a mask argument to ``(N, H, W)`` bool."""
    is_array = isinstance(mask, np.ndarray) and mask.dtype == np.bool_
    # Copies views with negative strides, which torch does not support.
    found = torch.from_numpy(np.ascontiguousarray(mask)) if is_array else mask
    if not isinstance(found, Tensor) or found.dtype != torch.bool or found.dim() not in (2, 3):
        kind = f"{getattr(mask, 'dtype', type(mask).__name__)}, shape {tuple(getattr(mask, 'shape', ()))}"
        raise InputError(
            f"{source}: the mask must be bool of shape (H, W) or (N, H, W), got {kind}; use mask > 0"
        )
    return found.cpu().reshape(-1, *found.shape[-2:])


def _listed(values: Any) -> Any:
    """Convert arrays, array scalars and tuples to lists and numbers as in JSON."""
    if isinstance(values, np.ndarray | np.generic | Tensor):
        return values.tolist()
    return [_listed(each) for each in values] if isinstance(values, list | tuple) else values


Examples: TypeAlias = Example | Iterable[Example] | str | os.PathLike[str]


@dataclass(frozen=True)
class NamedReferences:
    """References and their class names.

    Attributes:
        class_names: class names by label.
        references: references, read from disk in each iteration.
    """

    class_names: tuple[str, ...]
    references: Iterable[Reference]


def read_references(given: Examples, images: str | os.PathLike[str] | None) -> NamedReferences:
    """Read references from examples, a folder or a COCO file.

    The classes of examples are ordered by their first example.

    Args:
        given: examples, or a path.
        images: folder that file names in a COCO file are relative to; None for the folder of the file.

    Raises:
        InputError: there is no reference, or a file is invalid; one line per problem.
    """
    if isinstance(given, str | os.PathLike):
        return _of_files(Path(given), images)
    if images is not None:
        raise InputError("images must be None for examples, which contain their images; it is for COCO files")
    examples = _checked(given)
    names = tuple(dict.fromkeys(example.name for example in examples))
    return NamedReferences(names, _ExampleReferences(examples, names))


def _of_files(path: Path, images: str | os.PathLike[str] | None) -> NamedReferences:
    dataset: FewShotDataset | FolderDataset
    if path.is_dir():
        if images is not None:
            raise InputError(f"{path}: images must be None for a folder, which contains its images")
        dataset = FolderDataset(path)
    else:
        folder = path.parent if images is None else Path(images)
        dataset = FewShotDataset(path, folder, target_file=None, target_images=folder)
    problems = dataset.reference_problems()
    if problems:
        raise InputError("\n".join(problems))
    return NamedReferences(dataset.class_names, dataset.references)


def _checked(given: object) -> list[Example]:
    examples = [given] if isinstance(given, Example) else given
    if not isinstance(examples, Iterable):
        raise InputError(
            f"references must be ntt.Example objects, a COCO file or a folder, got {type(given).__name__}"
        )
    examples = list(examples)
    if not examples:
        raise InputError("references is empty; pass at least one example per class")
    for example in examples:
        if not isinstance(example, Example):
            raise InputError(f"references must contain ntt.Example objects, got {type(example).__name__}")
    return examples


class _ExampleReferences:
    """References of examples, read in each iteration."""

    def __init__(self, examples: list[Example], names: tuple[str, ...]) -> None:
        self.examples = examples
        self.names = names

    def __iter__(self) -> Iterator[Reference]:
        """Iterate over the references, one per object."""
        for example in self.examples:
            yield from example.references(self.names.index(example.name))
