"""How good maps of classes are: mIoU and FB-IoU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.matching import semantic_map

IGNORED = 255  # in a true map: the pixel does not count


def true_semantic_map(masks: Tensor, labels: Tensor, crowd: Tensor) -> Tensor:
    """The map that a perfect answer would be.

    Args:
        masks: ``(N, H, W)`` bool of the true objects; where they overlap, the smaller is on top.
        labels: ``(N,)`` int64.
        crowd: ``(H, W)`` bool, where objects are annotated as a crowd.

    Returns:
        ``(H, W)`` int64: 0 for background, ``k + 1`` for class ``k``, ``IGNORED`` in a crowd.
    """
    areas = masks.sum(dim=(1, 2))
    return semantic_map(masks, -areas, labels, score_threshold=-math.inf).masked_fill(crowd, IGNORED)


def semantic_metrics(confusion: Tensor, class_names: Sequence[str]) -> dict[str, Any]:
    """Judge the maps of all images at once.

    The IoU of a class is its true positives over true positives, false positives and false negatives, each
    summed over all images (Shaban et al., arXiv 1709.03410). The mean is over the classes, without
    background. FB-IoU takes all classes for one, the foreground, and is the mean of its IoU and that of the
    background ("binary IoU" in Wang et al., arXiv 1908.06391).

    Args:
        confusion: ``(K + 1, K + 1)`` pixels by true class (rows) and predicted class, background first.
        class_names: of the K classes.

    Returns:
        ``mIoU``, ``FB-IoU`` and ``per_class``, the IoU by class name, in [0, 1]. What has no true pixel is
        None and left out of the mean; its false positives still count against the classes that they cover.
    """
    sides = F.one_hot(torch.arange(len(confusion)).clamp(max=1), 2)  # background or foreground
    per_class = dict(zip(class_names, _iou(confusion)[1:], strict=True))
    return {
        "mIoU": _mean(list(per_class.values())),
        "FB-IoU": _mean(_iou(sides.T @ confusion @ sides)),
        "per_class": per_class,
    }


def _iou(confusion: Tensor) -> list[float | None]:
    """IoU of each class of a confusion matrix, None for one without a true pixel."""
    found, true, predicted = confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)
    iou = found.double() / (true + predicted - found)
    return [value if pixels else None for value, pixels in zip(iou.tolist(), true.tolist(), strict=True)]


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None
