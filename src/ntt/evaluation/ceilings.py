"""Which half of the method is weak: what AP would be with perfect labels, and with perfect masks."""

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
    """Every proposal takes the label of the true mask that it overlaps most, and its predicted IoU as score.

    A proposal that overlaps no true mask by ``BACKGROUND_IOU`` is background and dropped. The NMS is the
    model's. The AP of the result is what these proposals allow a perfect classifier.

    Args:
        proposals: N of one image.
        true_masks: ``(M, height, width)`` bool.
        true_labels: ``(M,)`` int64.
        height: of the image in pixels.
        width: of the image in pixels.
        nms_iou: box IoU above which the worse of two proposals of a class is dropped.
        max_instances: at most so many are kept.
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
    """True masks, each labelled and scored by the class that it resembles most.

    The AP of the result is what this encoder's features allow perfect proposals.

    Args:
        similarities: ``(M, K)`` of each mask with each class, K at least 1.
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
