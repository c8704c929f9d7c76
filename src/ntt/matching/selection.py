"""Selection of the best instances, overlap measures between masks, and semantic maps."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.matching.ops import boxes_from_masks, resize_masks
from ntt.structures import Instances

SIDE_COMPARED = 1024  # masks are subsampled to about this longer side in pixels before comparison
COVERED = 0.5  # a mask counts as covered above this shared part of the smaller mask


def best_instances(
    logits: Tensor, scores: Tensor, labels: Tensor, height: int, width: int, max_instances: int
) -> Instances:
    """Select the instances with the highest scores and resize them to the image size.

    Args:
        logits: ``(N, m, m)`` mask logits.
        scores: ``(N,)``.
        labels: ``(N,)`` int64.
        height: image height in pixels.
        width: image width in pixels.
        max_instances: maximum number of instances.

    Returns:
        Instances on the CPU, best first, without masks that are empty at image size.
    """
    order = torch.argsort(scores, descending=True, stable=True)[:max_instances]
    masks = resize_masks(logits[order], height, width)
    visible = masks.flatten(1).any(dim=1)
    masks, order = masks[visible], order[visible]
    return Instances(
        masks=masks.cpu(),
        boxes=boxes_from_masks(masks).cpu(),
        scores=scores[order].float().cpu(),
        labels=labels[order].cpu(),
    )


def uncovered(instances: Instances, share_of_best: float, limit: int) -> Tensor:
    """Return indices of high-scoring instances that are not covered by a better one of any class.

    Args:
        instances: instances, best first.
        share_of_best: instances that score less than this share of the best score are dropped.
        limit: maximum number of indices.
    """
    kept: list[int] = []
    if not len(instances):
        return torch.zeros(0, dtype=torch.int64)
    least = share_of_best * float(instances.scores.max())
    # Subsample, because a hundred large masks as float tensors would exhaust the memory.
    step = max(1, max(instances.masks.shape[1:]) // SIDE_COMPARED)
    count = int((instances.scores >= least).sum())
    masks = instances.masks[:count, ::step, ::step].flatten(1).float()
    covered = coverage(masks, masks) > COVERED
    for index in range(count):
        if len(kept) == limit:
            break
        if not bool(covered[kept, index].any()):
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64)


def coverage(masks: Tensor, others: Tensor) -> Tensor:
    """Compute intersection over smaller area of all pairs, ``(N, H, W)`` and ``(M, H, W)`` to ``(N, M)``."""
    a, b = masks.flatten(1).float(), others.flatten(1).float()
    return a @ b.T / torch.minimum(a.sum(1)[:, None], b.sum(1)[None]).clamp(min=1)


def mask_iou(masks: Tensor, others: Tensor) -> Tensor:
    """Compute the IoU of all pairs, ``(N, H, W)`` bool and ``(M, H, W)`` to ``(N, M)``; 0 if both are empty.

    The second masks are bool, or contain the covered share of each pixel in [0, 1].
    """
    a, b = masks.flatten(1).float(), others.flatten(1).float()
    overlap = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1)[None] - overlap
    return overlap / union.clamp(min=1)


def paired_iou(masks: Tensor, others: Tensor) -> Tensor:
    """Compute the IoU ``(N,)`` of each mask ``(N, H, W)`` bool with its counterpart; 0 if both are empty."""
    overlap = (masks & others).flatten(1).sum(dim=1)
    return overlap / (masks | others).flatten(1).sum(dim=1).clamp(min=1)


def semantic_map(masks: Tensor, scores: Tensor, labels: Tensor, score_threshold: float) -> Tensor:
    """Assign each pixel the class of the highest-scoring instance that covers it.

    Args:
        masks: ``(N, H, W)`` bool.
        scores: ``(N,)``; for equal scores, the earlier instance takes precedence.
        labels: ``(N,)`` int64.
        score_threshold: instances with a lower score are ignored.

    Returns:
        ``(H, W)`` int64: 0 for background, ``k + 1`` for class ``k``.
    """
    classes = torch.zeros(masks.shape[1:], dtype=torch.int64, device=masks.device)
    worst_first = torch.argsort(scores, descending=True, stable=True).flip(0)
    for index in worst_first[scores[worst_first] >= score_threshold].tolist():
        classes[masks[index]] = labels[index] + 1  # overwrites lower scores
    return classes
