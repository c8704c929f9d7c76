"""The last step: the best scored masks become instances of the image."""

from __future__ import annotations

import torch
from torch import Tensor

from ntt.matching.boxes import boxes_from_masks
from ntt.matching.resizing import resize_masks
from ntt.structures import Instances


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
