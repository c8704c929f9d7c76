"""Oracle instances: proposals with oracle labels, and oracle masks with predicted labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.matching import best_instances, boxes_from_masks, class_nms, classify, mask_iou
from ntt.segmenters.base import Proposals
from ntt.structures import Instances

BACKGROUND_IOU = 0.5


def true_label_instances(
    proposals: Proposals,
    true_masks: Tensor,
    true_labels: Tensor,
    height: int,
    width: int,
    nms_iou: float,
    max_instances: int,
) -> Instances:
    """Label each proposal with its best-matching ground-truth mask; the score is the predicted IoU.

    Proposals whose IoU with every ground-truth mask is below ``BACKGROUND_IOU`` are dropped as background.
    The NMS is that of the model. The resulting AP is the upper bound of these proposals with a perfect
    classifier.

    Args:
        proposals: N proposals of one image.
        true_masks: ``(M, height, width)`` bool.
        true_labels: ``(M,)`` int64.
        height: Image height in pixels.
        width: Image width in pixels.
        nms_iou: Box IoU above which the lower-scored of two proposals of a class is dropped.
        max_instances: Maximum number of instances.
    """
    masks = proposals.logits > 0
    if len(masks) == 0 or len(true_masks) == 0:
        return Instances.empty(height, width)
    device = masks.device
    grid = F.interpolate(true_masks[None].float().to(device), masks.shape[-2:], mode="area")[0] > 0.5
    overlap, index = mask_iou(masks, grid).max(dim=1)
    kept = torch.nonzero(overlap >= BACKGROUND_IOU)[:, 0]
    logits, iou = proposals.logits[kept], proposals.iou[kept]
    labels = true_labels.to(device)[index[kept]]
    survivors = class_nms(boxes_from_masks(logits > 0), iou, labels, nms_iou, len(labels))
    scores = iou[survivors].clamp(0, 1)
    return best_instances(logits[survivors], scores, labels[survivors], height, width, max_instances)


def true_mask_instances(similarities: Tensor, true_masks: Tensor) -> Instances:
    """Label and score each ground-truth mask by its most similar class.

    The resulting AP is the upper bound of this encoder's features with perfect proposals.

    Args:
        similarities: ``(M, K)`` similarity of each mask with each class, K >= 1.
        true_masks: ``(M, H, W)`` bool.
    """
    if len(true_masks) == 0:
        return Instances.empty(*true_masks.shape[1:])
    scores, labels = classify(similarities)
    order = scores.argsort(descending=True).cpu()
    return Instances(
        masks=true_masks[order],
        boxes=boxes_from_masks(true_masks)[order],
        scores=scores.cpu()[order],
        labels=labels.cpu()[order],
    )
