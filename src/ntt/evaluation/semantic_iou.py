"""mIoU and FB-IoU of semantic maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.matching import semantic_map

IGNORED = 255  # value of ignored pixels in a ground-truth map


def true_semantic_map(masks: Tensor, labels: Tensor, crowd: Tensor) -> Tensor:
    """Build the ground-truth semantic map.

    Args:
        masks: ``(N, H, W)`` bool ground-truth masks; smaller masks are on top.
        labels: ``(N,)`` int64.
        crowd: ``(H, W)`` bool, True on crowd annotations.

    Returns:
        ``(H, W)`` int64: 0 for background, ``k + 1`` for class ``k``, ``IGNORED`` on crowds.
    """
    areas = masks.sum(dim=(1, 2))
    return semantic_map(masks, -areas, labels, score_threshold=-math.inf).masked_fill(crowd, IGNORED)


def semantic_metrics(confusion: Tensor, class_names: Sequence[str]) -> dict[str, Any]:
    """Compute mIoU and FB-IoU over all images.

    The IoU of a class is TP / (TP + FP + FN), each summed over all images (Shaban et al., arXiv 1709.03410).
    mIoU is the mean over the classes without background. FB-IoU merges all classes into one foreground class
    and averages its IoU and that of the background ("binary IoU" in Wang et al., arXiv 1908.06391).

    Args:
        confusion: ``(K + 1, K + 1)`` pixels by true class (rows) and predicted class, background first.
        class_names: Names of the K classes.

    Returns:
        ``mIoU``, ``FB-IoU`` and ``per_class``, the IoU by class name, in [0, 1]. Classes without ground-truth
        pixels are None and excluded from the mean; their false positives still lower the IoU of the classes
        that they cover.
    """
    sides = F.one_hot(torch.arange(len(confusion)).clamp(max=1), 2)  # background, foreground
    per_class = dict(zip(class_names, _iou(confusion)[1:], strict=True))
    return {
        "mIoU": _mean(list(per_class.values())),
        "FB-IoU": _mean(_iou(sides.T @ confusion @ sides)),
        "per_class": per_class,
    }


def _iou(confusion: Tensor) -> list[float | None]:
    """Compute the IoU of each class from a confusion matrix; None without ground-truth pixels."""
    found, true, predicted = confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)
    iou = found.double() / (true + predicted - found)
    return [value if pixels else None for value, pixels in zip(iou.tolist(), true.tolist(), strict=True)]


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None
