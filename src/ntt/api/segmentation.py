"""What was found in one picture, and what can be done with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import Tensor

from ntt.api.coco_file import CocoFile
from ntt.errors import InputError
from ntt.files import whole_file, write_json
from ntt.structures import Instances

if TYPE_CHECKING:
    import supervision as sv
    from numpy.typing import NDArray

DRAWINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".pdf")


@dataclass(frozen=True, repr=False)
class Segmentation(Instances):
    """Instances found in a picture, best first, with their masks, boxes, scores and labels on the CPU.

    Attributes:
        class_names: of each label.
        pixels: ``(H, W, 3)`` uint8, the picture as it is looked at, RGB.
        image_id: the file's name, or how many pictures came before it.
        path: the file; None if the picture came as pixels.
        similarity: ``(K, h, w)`` cosine of every patch with the prototype of every class, in the order of
            ``class_names``; None if it was not kept.
    """

    class_names: tuple[str, ...]
    pixels: NDArray[np.uint8]
    image_id: int | str
    path: Path | None
    similarity: Tensor | None = field(default=None, kw_only=True)

    @property
    def names(self) -> list[str]:
        """The class of each instance."""
        return [self.class_names[label] for label in self.labels.tolist()]

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        counts = ", ".join(f"{count} {name}" for name, count in Counter(self.names).items())
        return f"<Segmentation of {self.image_id!r}, {width} x {height}: {counts or 'nothing'}>"

    def to_coco(self) -> dict[str, Any]:
        """A COCO file of this one picture: ``images``, ``annotations`` with a ``score``, ``categories``.

        Categories count from 1 in the order of the class names.
        """
        file = CocoFile(self.class_names)
        name = str(self.image_id) if self.path is None else self.path.name
        annotations = list(file.annotations(self, name))
        return {"images": file.images, "annotations": annotations, "categories": file.categories}

    def to_supervision(self) -> sv.Detections:
        """For supervision: ``xyxy``, ``mask``, ``confidence``, ``class_id`` and, as data, ``class_name``."""
        import supervision as sv

        return sv.Detections(
            xyxy=self.boxes.numpy().astype(np.float32),
            mask=self.masks.numpy(),
            confidence=self.scores.numpy(),
            class_id=self.labels.numpy(),
            data={"class_name": np.array(self.names, dtype=str)},
        )

    def plot(self, everything: bool = False) -> Image.Image:
        """The picture with its instances drawn on it, at its own size, at least 600 pixels long.

        Args:
            everything: draw all instances; else the clearest, at most a hundred that do not cover each other.
        """
        from ntt.reporting.pictures import draw_instances

        return Image.fromarray(draw_instances(self.pixels, self, self.class_names, everything))

    def save(self, path: str | Path) -> None:
        """Write a drawing (``.png``, ``.jpg`` and others of ``DRAWINGS``), or a COCO file (``.json``).

        Raises:
            InputError: neither.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            write_json(path, self.to_coco())
        elif path.suffix.lower() in DRAWINGS:
            with whole_file(path) as temporary:
                self.plot().save(temporary)
        else:
            raise InputError(
                f"{path}: call it .json for a COCO file, or {' or '.join(DRAWINGS)} for a drawing"
            )
