"""The last step: the best scored masks become instances of the image; and which of them are worth a look."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.matching.boxes import boxes_from_masks
from ntt.matching.resizing import resize_masks
from ntt.structures import Instances

SIDE_COMPARED = 1024  # pixels of the longer side of masks are enough to see what covers what
COVERED = 0.5  # share of the smaller of two masks that they have in common


def best_instances(
    logits: Tensor, scores: Tensor, labels: Tensor, height: int, width: int, max_instances: int
) -> Instances:
    """The best by score, at the size of the image.

    Args:
        logits: ``(N, m, m)`` mask logits.
        scores: ``(N,)``.
        labels: ``(N,)`` int64.
        height: of the image in pixels.
        width: of the image in pixels.
        max_instances: at most so many.

    Returns:
        Instances on the CPU, best first; a mask that has no pixel at the size of the image is left out.
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
    """Indices of the instances worth a look: well scored, and not covered by a better one of any class.

    Args:
        instances: best first.
        share_of_best: those that score less than this share of the best are left out.
        limit: at most so many.
    """
    kept: list[int] = []
    if not len(instances):
        return torch.zeros(0, dtype=torch.int64)
    least = share_of_best * float(instances.scores.max())
    # As numbers, a hundred large masks would fill the memory.
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
    """What each pair shares of the smaller one, ``(N, H, W)`` and ``(M, H, W)`` to ``(N, M)``."""
    a, b = masks.flatten(1).float(), others.flatten(1).float()
    return a @ b.T / torch.minimum(a.sum(1)[:, None], b.sum(1)[None]).clamp(min=1)


def mask_iou(masks: Tensor, others: Tensor) -> Tensor:
    """IoU of every pair, ``(N, H, W)`` bool and ``(M, H, W)`` to ``(N, M)``; 0 where both are empty.

    The second masks are bool too, or say how much of each pixel is covered, from 0 to 1.
    """
    a, b = masks.flatten(1).float(), others.flatten(1).float()
    overlap = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1)[None] - overlap
    return overlap / union.clamp(min=1)
