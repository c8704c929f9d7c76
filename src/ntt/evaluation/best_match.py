"""Average best overlap of the objects of one image."""

from __future__ import annotations

from torch import Tensor

from ntt.matching.selection import mask_iou
from ntt.structures import Instances


def best_match_iou(instances: Instances, true_masks: Tensor, true_labels: Tensor) -> float | None:
    """Average the best IoU of each object with an instance of its class over the objects.

    Average best overlap (ABO) of one image, Uijlings et al., *Selective Search for Object Recognition*, IJCV
    2013, section 5, but only instances of the object's class count. Scores are ignored.

    Args:
        instances: N instances of the image.
        true_masks: ``(M, H, W)`` bool.
        true_labels: ``(M,)`` int64.

    Returns:
        Mean IoU from 0 to 1; None without objects.
    """
    if len(true_masks) == 0:
        return None
    if len(instances) == 0:
        return 0.0
    masks = instances.masks
    same = instances.labels[:, None] == true_labels.to(masks.device)[None]
    best = (mask_iou(masks, true_masks.to(masks.device)) * same).amax(dim=0)
    return float(best.mean())
