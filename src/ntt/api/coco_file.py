"""Export of results as a complete COCO file for annotation tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ntt.data.masks import mask_area
from ntt.evaluation import coco_results
from ntt.structures import Instances


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
