"""Assignment of detections to known objects."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ntt.matching.selection import mask_iou


def assign(
    masks: Tensor, labels: Tensor, new_masks: Tensor, new_labels: Tensor, min_iou: float
) -> list[tuple[int, int]]:
    """Assign detections to known objects of the same class by maximising the total mask IoU.

    Args:
        masks: ``(N, H, W)`` bool, predicted masks of the known objects.
        labels: ``(N,)`` classes of the known objects.
        new_masks: ``(M, H, W)`` bool, masks of the detections.
        new_labels: ``(M,)`` classes of the detections.
        min_iou: minimum IoU of a pair; pairs without overlap are always excluded.

    Returns:
        Pairs of object index and detection index; each index occurs at most once.

    Reference:
        Hungarian method, as in SORT for boxes (Bewley et al., arXiv 1602.00763).
    """
    if not len(masks) or not len(new_masks):
        return []
    iou = mask_iou(masks, new_masks) * (labels[:, None] == new_labels[None])
    iou = torch.where(iou >= min_iou, iou, 0.0)
    rows, columns = linear_sum_assignment(iou.numpy(), maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if iou[row, column] > 0]
