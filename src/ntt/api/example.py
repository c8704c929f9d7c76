"""One example picture of a class, as Python programs have it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntt.api.pictures import Picture, as_tensor
from ntt.data.images import read_masks
from ntt.data.prompts import read_box, read_points
from ntt.data.values import shown
from ntt.errors import InputError
from ntt.structures import Prompt, Reference

Mask: TypeAlias = NDArray[np.bool_] | Tensor | str | os.PathLike[str]
Box: TypeAlias = Sequence[float] | NDArray[Any] | Tensor
Points: TypeAlias = Sequence[Sequence[float]] | NDArray[Any] | Tensor


@dataclass(frozen=True, eq=False)  # arrays have no one answer to ==
class Example:
    """A picture in which one or several objects of a class are marked: by masks, by boxes, or by points.

    Where there is no mask, the segmenter makes it of the box or points. Pixels are counted from the upper
    left corner of the picture as it is looked at.

    Attributes:
        image: a path, a PIL image, RGB ``(H, W, 3)`` uint8, or RGB ``(3, H, W)`` float in [0, 1].
        name: of the class.
        mask: ``(H, W)`` bool, or ``(N, H, W)`` for several objects; or the path of a picture of masks, in
            which black is background (docs/custom_data.md tells how one shows several objects).
        box: ``x1 y1 x2 y2`` in pixels, exclusive right and bottom, as results have it; ``(N, 4)`` for several
            objects.
        points: ``(P, 2)`` or ``(P, 3)``: ``x y`` in pixels and whether it is on the object (1, also without)
            or beside it (0). All are of one object; with a box, of the object in it.

    Raises:
        InputError: the name is empty, or there is neither mask nor box nor points, or a mask and another.
    """

    image: Picture
    name: str
    mask: Mask | None = None
    box: Box | None = None
    points: Points | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InputError(f"the name of an example is {self.name!r}; give the name of its class")
        if (self.mask is None) == (self.box is None and self.points is None):
            raise InputError(f"{self.source}: give a mask, or a box or points, and not both")

    @property
    def source(self) -> str:
        """For messages."""
        is_file = isinstance(self.image, str | os.PathLike)
        return os.fspath(self.image) if is_file else f"an example of {self.name!r}"  # type: ignore[arg-type]

    def references(self, label: int) -> Iterator[Reference]:
        """A reference an object; the picture is read now.

        Args:
            label: index of the class.

        Raises:
            InputError: the picture or mask cannot be read; mask, box or points do not fit the picture.
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
                raise InputError(f"{where} is {size} pixels, the picture {width} x {height}; make them agree")
        if not masks or not all(bool(mask.any()) for mask in masks):
            raise InputError(f"{where} is empty; mark the object, or leave this example out")
        return masks

    def _prompts(self, height: int, width: int) -> list[Prompt]:
        try:
            points = () if self.points is None else read_points(_listed(self.points), height, width)
        except ValueError as error:
            raise InputError(f"{self.source}: points {error}") from None
        boxes = [None] if self.box is None else self._boxes(height, width)
        if len(boxes) > 1 and points:
            raise InputError(f"{self.source}: points go with one box; make an example of each object")
        if boxes == [None] and not any(label for _, _, label in points):
            raise InputError(f"{self.source}: points are all beside the object; add one on it, or a box")
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
            form = f"x1 y1 x2 y2 in pixels of the picture, which is {width} x {height}"
            raise InputError(f"{self.source}: box {shown(box)} is not {form}") from None


def _object_masks(mask: Any, source: str) -> Tensor:
    """``(N, H, W)`` bool."""
    is_array = isinstance(mask, np.ndarray) and mask.dtype == np.bool_
    # Copied where it runs backwards, which torch does not read.
    found = torch.from_numpy(np.ascontiguousarray(mask)) if is_array else mask
    if not isinstance(found, Tensor) or found.dtype != torch.bool or found.dim() not in (2, 3):
        kind = f"{getattr(mask, 'dtype', type(mask).__name__)}, shape {tuple(getattr(mask, 'shape', ()))}"
        raise InputError(f"{source}: the mask is {kind}; give bool of shape (H, W) or (N, H, W): mask > 0")
    return found.cpu().reshape(-1, *found.shape[-2:])


def _listed(values: Any) -> Any:
    """Arrays, numbers of arrays and tuples as the lists and numbers that JSON has."""
    if isinstance(values, np.ndarray | np.generic | Tensor):
        return values.tolist()
    return [_listed(each) for each in values] if isinstance(values, list | tuple) else values
