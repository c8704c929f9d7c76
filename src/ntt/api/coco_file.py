"""Results as a whole COCO file, which annotation tools open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ntt.data.masks import mask_area
from ntt.evaluation import coco_results
from ntt.structures import Instances


class CocoFile:
    """What a COCO file says of pictures, one after another; ids count from 1.

    Args:
        class_names: become categories, counted from 1 in their order.

    Attributes:
        categories: of the file.
        images: of the file, of the pictures so far.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self.categories: list[dict[str, Any]] = [
            {"id": k, "name": name} for k, name in enumerate(class_names, start=1)
        ]
        self.images: list[dict[str, Any]] = []
        self._annotations = 0

    def annotations(self, found: Instances, file_name: str) -> Iterator[dict[str, Any]]:
        """Those of one more picture, best first, each with its ``score``.

        Args:
            found: masks at the size of the picture.
            file_name: of the picture.
        """
        height, width = found.masks.shape[1:]
        image_id = len(self.images) + 1
        self.images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        for result in coco_results(image_id, found, [category["id"] for category in self.categories]):
            self._annotations += 1
            area = mask_area(result["segmentation"])
            yield {"id": self._annotations, **result, "area": area, "iscrowd": 0}
