import io
from contextlib import redirect_stdout

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

SIDE = 100


@pytest.fixture
def entry():
    """An annotation or result of a rectangle: x, y, width, height."""

    def make(image, category, box, **more):
        x, y, width, height = box
        mask = np.zeros((SIDE, SIDE), dtype=np.uint8, order="F")
        mask[y : y + height, x : x + width] = 1
        return {
            "image_id": image,
            "category_id": category,
            "bbox": [float(value) for value in box],
            "area": float(width * height),
            "segmentation": coco_mask.encode(mask),
            "iscrowd": 0,
            **more,
        }

    return make


@pytest.fixture
def truth():
    """A ground truth of entries; ``images`` and ``categories`` add fields to those of an id."""

    def make(entries, images, categories):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": k, "height": SIDE, "width": SIDE, **more} for k, more in images.items()],
            "categories": [{"id": k, "name": f"class {k}", **more} for k, more in categories.items()],
            "annotations": [{**each, "id": number} for number, each in enumerate(entries, start=1)],
        }
        with redirect_stdout(io.StringIO()):
            coco.createIndex()
        return coco

    return make
