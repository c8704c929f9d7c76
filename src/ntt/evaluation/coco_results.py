"""Conversion between instances and COCO results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask

from ntt.data.masks import decode_mask
from ntt.matching import boxes_from_masks
from ntt.structures import Instances


def coco_results(
    image_id: int | str, instances: Instances, category_ids: Sequence[int]
) -> list[dict[str, Any]]:
    """Convert instances to the COCO results format.

    Args:
        image_id: Image id.
        instances: Instances, highest score first.
        category_ids: COCO id of each label.

    Returns:
        One JSON-serializable entry per instance, in the same order: ``image_id``, ``category_id``, ``score``,
        ``bbox`` (x, y, width, height in pixels) and ``segmentation`` (compressed RLE).
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


def instances_of(
    results: Sequence[Mapping[str, Any]], category_ids: Sequence[int], height: int, width: int
) -> Instances:
    """Convert the COCO results of one image to instances.

    Args:
        results: Results with RLE masks, in any order.
        category_ids: COCO id of each label.
        height: Image height in pixels.
        width: Image width in pixels.
    """
    if not results:
        return Instances.empty(height, width)
    ordered = sorted(results, key=lambda result: -result["score"])
    masks = torch.stack([decode_mask(result["segmentation"]) for result in ordered])
    return Instances(
        masks=masks,
        boxes=boxes_from_masks(masks),
        scores=torch.tensor([result["score"] for result in ordered]),
        labels=torch.tensor([category_ids.index(result["category_id"]) for result in ordered]),
    )
