"""Result of one image, with export to COCO, supervision and drawings."""

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
    """Instances in an image, best first, with masks, boxes, scores and labels on the CPU.

    Attributes:
        class_names: class names by label.
        pixels: ``(H, W, 3)`` uint8, RGB, after the EXIF rotation.
        image_id: file name, or for pixels the index of the image, from 0.
        path: file path; None for pixels.
        similarity: ``(K, h, w)`` cosine of each patch with each class prototype, in the order of
            ``class_names``; None if not stored.
    """

    class_names: tuple[str, ...]
    pixels: NDArray[np.uint8]
    image_id: int | str
    path: Path | None
    similarity: Tensor | None = field(default=None, kw_only=True)

    @property
    def names(self) -> list[str]:
        """Class name of each instance."""
        return [self.class_names[label] for label in self.labels.tolist()]

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        counts = ", ".join(f"{count} {name}" for name, count in Counter(self.names).items())
        return f"<Segmentation of {self.image_id!r}, {width} x {height}: {counts or 'nothing'}>"

    def to_coco(self) -> dict[str, Any]:
        """Convert to a COCO file of one image: ``images``, ``annotations`` with a ``score``, ``categories``.

        Category ids start at 1, in the order of the class names.
        """
        file = CocoFile(self.class_names)
        name = str(self.image_id) if self.path is None else self.path.name
        annotations = list(file.annotations(self, name))
        return {"images": file.images, "annotations": annotations, "categories": file.categories}

    def to_supervision(self) -> sv.Detections:
        """Convert to supervision: ``xyxy``, ``mask``, ``confidence``, ``class_id``, data ``class_name``."""
        import supervision as sv

        return sv.Detections(
            xyxy=self.boxes.numpy().astype(np.float32),
            mask=self.masks.numpy(),
            confidence=self.scores.numpy(),
            class_id=self.labels.numpy(),
            data={"class_name": np.array(self.names, dtype=str)},
        )

    def plot(self, everything: bool = False) -> Image.Image:
        """Draw the instances on the image, at its size, but enlarged to a longer side of at least 600 pixels.

        Args:
            everything: draw all instances; otherwise draw at most 100 instances with high scores that do not
                cover each other.
        """
        from ntt.reporting.pictures import draw_instances

        return Image.fromarray(draw_instances(self.pixels, self, self.class_names, everything))

    def save(self, path: str | Path) -> None:
        """Write a drawing (``.png``, ``.jpg`` and others in ``DRAWINGS``) or a COCO file (``.json``).

        Raises:
            InputError: ``path`` has another extension.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            write_json(path, self.to_coco())
        elif path.suffix.lower() in DRAWINGS:
            with whole_file(path) as temporary:
                self.plot().save(temporary)
        else:
            raise InputError(
                f"{path}: unknown extension; use .json for a COCO file or {', '.join(DRAWINGS)} for a drawing"
            )
