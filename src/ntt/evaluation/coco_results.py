"""Instances as COCO results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from ntt.structures import Instances


def coco_results(
    image_id: int | str, instances: Instances, category_ids: Sequence[int]
) -> list[dict[str, Any]]:
    """Write instances the way COCO's results files do.

    Args:
        image_id: of the image they were found in.
        instances: best first.
        category_ids: COCO id of each label.

    Returns:
        One object an instance, in their order: ``image_id``, ``category_id``, ``score``, ``bbox`` (x, y,
        width, height in pixels) and ``segmentation`` (compressed run lengths); ready for JSON.
    """
    boxes = instances.boxes.double().clone()
    boxes[:, 2:] -= boxes[:, :2]
    masks = np.asfortranarray(instances.masks.permute(1, 2, 0).numpy(force=True).astype(np.uint8))
    return [
        {
            "image_id": image_id,
            "category_id": category_ids[label],
            "bbox": box,
            "score": score,
            "segmentation": {"size": rle["size"], "counts": rle["counts"].decode("ascii")},
        }
        for label, box, score, rle in zip(
            instances.labels.tolist(),
            boxes.tolist(),
            instances.scores.tolist(),
            coco_mask.encode(masks),
            strict=True,
        )
    ]
