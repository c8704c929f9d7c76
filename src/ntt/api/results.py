"""Results of images and video frames, with export to COCO, supervision and drawings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from PIL import Image
from torch import Tensor

from ntt.data.masks import mask_area
from ntt.errors import InputError
from ntt.evaluation import coco_results
from ntt.io import whole_file, write_json
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
        score_threshold: minimum score of the instances; 0 if the model reports all candidates.
        similarity: ``(K, h, w)`` cosine of each patch with each class prototype, in the order of
            ``class_names``; None if not stored.
    """

    class_names: tuple[str, ...]
    pixels: NDArray[np.uint8]
    image_id: int | str
    path: Path | None
    score_threshold: float = field(default=0.0, kw_only=True)
    similarity: Tensor | None = field(default=None, kw_only=True)

    @property
    def names(self) -> list[str]:
        """Class name of each instance."""
        return [self.class_names[label] for label in self.labels.tolist()]

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        counts = ", ".join(f"{count} {name}" for name, count in Counter(self.names).items())
        return f"<Segmentation of {self.image_id!r}, {width} x {height}: {counts or 'nothing'}>"

    def above(self, score: float) -> Self:
        """Return the instances with at least this score."""
        return replace(super().above(score), score_threshold=max(score, self.score_threshold))

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

    def plot(self, everything: bool | None = None) -> Image.Image:
        """Draw the instances on the image, at its size, but enlarged to a longer side of at least 600 pixels.

        Args:
            everything: draw all instances, or at most 100 instances with high scores that do not cover each
                other; None draws all if there is a score threshold.
        """
        return self._drawing(everything)

    def _drawing(self, everything: bool | None, ids: Tensor | None = None) -> Image.Image:
        from ntt.visualization import draw_instances

        if everything is None:
            everything = self.score_threshold > 0
        return Image.fromarray(draw_instances(self.pixels, self, self.class_names, everything, ids))

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


@dataclass(frozen=True, repr=False)
class VideoSegmentation(Segmentation):
    """Instances in a frame, best first, with identities that persist across frames.

    ``image_id`` is the number of the frame, from 0.

    Attributes:
        ids: ``(N,)`` int64 object ids, from 1; an id is never reused.
        seconds: presentation time of the frame in seconds; the frame number if the frames are images.
    """

    ids: Tensor
    seconds: float

    def subset(self, kept: Tensor) -> Self:
        """Select instances by indices or by a mask ``(N,)`` bool."""
        return replace(super().subset(kept), ids=self.ids[kept])

    def to_supervision(self) -> sv.Detections:
        """Convert to supervision as for an image, with the object ids as ``tracker_id``."""
        detections = super().to_supervision()
        detections.tracker_id = self.ids.numpy()
        return detections

    def plot(self, everything: bool | None = True) -> Image.Image:
        """Draw as for an image, but by default all instances, coloured by object id."""
        return self._drawing(everything, self.ids)


class CocoFile:
    """Content of a COCO file, built image by image; ids start at 1.

    Args:
        class_names: category names; ids are assigned in this order, from 1.

    Attributes:
        categories: category entries.
        images: entries of the images so far.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self.categories: list[dict[str, Any]] = [
            {"id": k, "name": name} for k, name in enumerate(class_names, start=1)
        ]
        self.images: list[dict[str, Any]] = []
        self._annotations = 0

    def annotations(self, found: Instances, file_name: str) -> Iterator[dict[str, Any]]:
        """Add an image and yield its annotations, best first, each with a ``score``.

        Args:
            found: instances with masks at image size.
            file_name: file name of the image.
        """
        height, width = found.masks.shape[1:]
        image_id = len(self.images) + 1
        self.images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        for result in coco_results(image_id, found, [category["id"] for category in self.categories]):
            self._annotations += 1
            area = mask_area(result["segmentation"])
            yield {"id": self._annotations, **result, "area": area, "iscrowd": 0}
