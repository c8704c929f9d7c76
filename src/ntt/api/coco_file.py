"""Results as a whole COCO file, which annotation tools open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ntt.data.masks import mask_area
from ntt.evaluation import coco_results
from ntt.structures import Instances


class CocoFile:
    """Collects what was found, picture by picture.

    Args:
        class_names: become categories, counted from 1 in their order.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self.content: dict[str, Any] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": k, "name": name} for k, name in enumerate(class_names, start=1)],
        }

    def add(self, found: Instances, file_name: str) -> None:
        """Add a picture and its instances, best first; ids count from 1.

        Args:
            found: masks at the size of the picture.
            file_name: of the picture.
        """
        images, annotations = self.content["images"], self.content["annotations"]
        height, width = found.masks.shape[1:]
        image_id = len(images) + 1
        images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        categories = [category["id"] for category in self.content["categories"]]
        for result in coco_results(image_id, found, categories):
            area = mask_area(result["segmentation"])
            annotations.append({"id": len(annotations) + 1, **result, "area": area, "iscrowd": 0})
