"""Which detection is which known object."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ntt.matching.selection import mask_iou


def assign(
    masks: Tensor, labels: Tensor, new_masks: Tensor, new_labels: Tensor, min_iou: float
) -> list[tuple[int, int]]:
    """Pair known objects with detections of their class, so that the IoU of all pairs together is largest.

    The Hungarian method, as SORT has it for boxes (Bewley et al., arXiv 1602.00763).

    Args:
        masks: ``(N, H, W)`` bool, where known objects should be.
        labels: ``(N,)`` their classes.
        new_masks: ``(M, H, W)`` bool, of detections.
        new_labels: ``(M,)`` their classes.
        min_iou: no pair has less, or nothing in common.

    Returns:
        Pairs of indices, each index once at most.
    """
    if not len(masks) or not len(new_masks):
        return []
    iou = mask_iou(masks, new_masks) * (labels[:, None] == new_labels[None])
    iou = torch.where(iou >= min_iou, iou, 0.0)
    rows, columns = linear_sum_assignment(iou.numpy(), maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if iou[row, column] > 0]
