"""How well the objects of one image are found."""

from __future__ import annotations

from torch import Tensor

from ntt.matching.selection import mask_iou
from ntt.structures import Instances


def best_match_iou(instances: Instances, true_masks: Tensor, true_labels: Tensor) -> float | None:
    """The best IoU of each object with an instance of its class, averaged over the objects.

    Average best overlap (ABO) of one image, Uijlings et al., *Selective Search for Object Recognition*, IJCV
    2013, section 5, but only what has the object's class counts. Scores play no part.

    Args:
        instances: N of the image.
        true_masks: ``(M, H, W)`` bool.
        true_labels: ``(M,)`` int64.

    Returns:
        0 to 1; None without objects.
    """
    if len(true_masks) == 0:
        return None
    if len(instances) == 0:
        return 0.0
    masks = instances.masks
    same = instances.labels[:, None] == true_labels.to(masks.device)[None]
    best = (mask_iou(masks, true_masks.to(masks.device)) * same).amax(dim=0)
    return float(best.mean())
