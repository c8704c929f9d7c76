"""Class-agnostic recall of proposals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou

from ntt.evaluation.base import KINDS
from ntt.matching import boxes_from_masks
from ntt.matching.selection import mask_iou
from ntt.segmenters.base import Proposals
from ntt.structures import Instances

IOUS = np.linspace(0.5, 0.95, 10)
BEST = (100, 1000)


def count_found(proposals: Proposals, true_masks: Tensor) -> dict[str, int]:
    """Count the objects of one image and their matches over ``IOUS``, for ``average_recall``.

    Hosang et al., *What makes for effective detection proposals?* (arXiv 1502.05082), as computed by COCO
    with ``useCats=0``: the fraction of all objects that the best 100 or 1000 proposals of their image match,
    at most one object each, averaged over ten IoU thresholds from 0.5 to 0.95. Proposals are ordered by
    predicted IoU.

    Proposals are not upsampled to the image: on the segmenter's grid, they are compared with the fraction of
    each cell that an object covers, which gives the IoU of the coarse mask with the full-size object.

    Args:
        proposals: N proposals of the image.
        true_masks: ``(M, H, W)`` bool, without crowd regions.

    Returns:
        ``objects`` and, for each kind and number of proposals, the matches summed over ``IOUS``, with keys
        such as ``segm/AR100``.
    """
    counts = {"objects": len(true_masks)}
    if len(proposals) and len(true_masks):
        order = proposals.iou.argsort(descending=True, stable=True)[: max(BEST)]
        masks = proposals.logits[order] > 0
        true_masks = true_masks.to(masks.device)
        coverage = F.interpolate(true_masks[None].float(), masks.shape[-2:], mode="area")[0]
        height, width = true_masks.shape[1:]
        scale = coverage.new_tensor([width, height, width, height]) / masks.shape[-1]
        ious = {
            "bbox": box_iou(boxes_from_masks(masks) * scale, boxes_from_masks(true_masks)),
            "segm": mask_iou(masks, coverage),
        }
        for kind, iou in ious.items():
            found = objects_found(iou.numpy(force=True))
            counts |= {f"{kind}/AR{best}": int(found[:best].sum()) for best in BEST}
    return counts


def average_recall(counts: Iterable[Mapping[str, int]]) -> dict[str, dict[str, float | None]]:
    """Compute COCO's class-agnostic average recall (AR) from the counts of ``count_found``.

    Returns:
        ``bbox`` and ``segm``, each with AR100 and AR1000 in [0, 1]; None if there are no objects.
    """
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    possible = len(IOUS) * total["objects"]
    return {
        kind: {f"AR{best}": total[f"{kind}/AR{best}"] / possible if possible else None for best in BEST}
        for kind in KINDS
    }


def objects_found(iou: np.ndarray) -> np.ndarray:
    """Count the thresholds in ``IOUS`` at which each proposal matches an object, by greedy matching.

    Args:
        iou: ``(N, M)`` IoU with each object, best proposal first; M >= 1.

    Returns:
        ``(N,)`` int.
    """
    thresholds = np.arange(len(IOUS))
    left = np.ones((len(IOUS), iou.shape[1]), dtype=bool)
    found = np.zeros(len(iou), dtype=np.int64)
    for proposal in np.flatnonzero(iou.max(axis=1) >= IOUS[0]):
        within_reach = np.where(left & (iou[proposal] >= IOUS[:, None]), iou[proposal], 0)
        best = within_reach.argmax(axis=1)
        hit = within_reach[thresholds, best] > 0
        left[thresholds[hit], best[hit]] = False
        found[proposal] = hit.sum()
    return found


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
