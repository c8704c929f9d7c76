"""Tensor operations of matching: boxes, NMS, resizing, similarity, pooling and soft merging."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import batched_nms

# Elements upsampled at a time, which limits the float32 buffer to a quarter of a gigabyte.
RESIZED_ELEMENTS = 2**26
MERGED_ELEMENTS = 2**24  # mask pixels converted to float at a time


def boxes_from_masks(masks: Tensor) -> Tensor:
    """Compute tight boxes around masks.

    Args:
        masks: ``(N, H, W)`` bool.

    Returns:
        ``(N, 4)`` float ``x1 y1 x2 y2`` in pixels, exclusive right and bottom; zeros for an empty mask.
    """
    left, right = _extent(masks.any(dim=1))
    top, bottom = _extent(masks.any(dim=2))
    return torch.stack([left, top, right, bottom], dim=1).float()


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and one past the last True index of each row of ``(N, L)``; 0 and 0 without any."""
    position = torch.arange(1, occupied.shape[1] + 1, device=occupied.device)
    last = (occupied * position).amax(dim=1)
    first_from_end = (occupied * position.flip(0)).amax(dim=1)
    first = torch.where(last > 0, occupied.shape[1] - first_from_end, 0)
    return first, last


def class_nms(boxes: Tensor, priority: Tensor, labels: Tensor, threshold: float, limit: int) -> Tensor:
    """Apply NMS within each class, keeping the boxes of highest priority.

    Args:
        boxes: ``(N, 4)`` ``x1 y1 x2 y2``, integers on the mask grid. torchvision shifts each class by its
            label times the largest coordinate, which would round fractions and large numbers.
        priority: ``(N,)``.
        labels: ``(N,)`` int64.
        threshold: box IoU above which the box of lower priority is dropped.
        limit: maximum number of kept boxes.

    Returns:
        Indices of the kept boxes, by decreasing priority.
    """
    dtype = torch.promote_types(boxes.dtype, priority.dtype)
    kept: Tensor = batched_nms(boxes.to(dtype), priority.to(dtype), labels, threshold)
    return kept[:limit]


def resize_masks(logits: Tensor, height: int, width: int) -> Tensor:
    """Upsample mask logits ``(N, m, m)`` bilinearly and threshold at 0: ``(N, height, width)`` bool."""
    chunk = max(1, RESIZED_ELEMENTS // (height * width))
    resized = torch.zeros(len(logits), height, width, dtype=torch.bool, device=logits.device)
    for start in range(0, len(logits), chunk):
        part = logits[start : start + chunk, None].float()
        part = F.interpolate(part, (height, width), mode="bilinear", align_corners=False)
        resized[start : start + chunk] = part[:, 0] > 0
    return resized


def cosine(vectors: Tensor, others: Tensor) -> Tensor:
    """Compute the cosine of all pairs, ``(..., C)`` and ``(K, C)`` to ``(..., K)``.

    The cosine with a zero vector or a vector containing NaN is 0.
    """
    product = F.normalize(vectors, dim=-1) @ F.normalize(others, dim=-1).T
    return torch.nan_to_num(product).clamp(-1, 1)


def classify(similarities: Tensor) -> tuple[Tensor, Tensor]:
    """Assign each row its most similar class.

    Args:
        similarities: ``(N, K)`` cosines, K at least 1.

    Returns:
        Scores ``(N,)``, the largest cosine clamped at 0, and labels ``(N,)`` int64.
    """
    scores, labels = similarities.max(dim=1)
    return scores.clamp(min=0), labels


def similarity_maps(features: Tensor, prototypes: Tensor) -> Tensor:
    """Compute the cosine of patches ``(h, w, C)`` and prototypes ``(K, C)``: ``(K, h, w)`` in [-1, 1]."""
    return cosine(features, prototypes).permute(2, 0, 1)


def patch_weights(features: Tensor, masks: Tensor) -> Tensor:
    """Compute the weight of each patch in the mean of upsampled features inside each mask.

    Upsampling is linear and identical for all channels. Instead of upsampling C channels to the mask grid and
    averaging them inside a mask, the transposed upsampling maps the mask to one weight per patch. The result
    is the same, without creating the ``m * n * C`` feature map.

    Args:
        features: ``(h, w, C)`` patch features of an image.
        masks: ``(N, m, n)`` bool on any grid over the same image.

    Returns:
        ``(N, h * w)`` weights; rows sum to 1, or to 0 for an empty mask.
    """
    inside = masks.to(features.dtype)
    rows, columns = (
        _upsampling(size, upsampled).to(inside)
        for size, upsampled in zip(features.shape[:2], masks.shape[1:], strict=True)
    )
    weights = (rows @ inside @ columns.T).flatten(1)
    area = inside.sum(dim=(1, 2)).clamp(min=1)
    return weights / area[:, None]


def _upsampling(size: int, upsampled: int) -> Tensor:
    """Build the matrix ``(size, upsampled)`` of linear upsampling along one axis."""
    return F.interpolate(torch.eye(size)[None], upsampled, mode="linear", align_corners=False)[0]


def soft_merge(masks: Tensor, vectors: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """Lower the scores of masks that are contained in earlier masks of their class.

    As in *No time to train!* (arXiv 2507.02798): ``score_i * sqrt(1 - IoS_i)``, where ``IoS_i`` is the
    largest ``|M_i & M_j| / |M_i| * max(0, cos(f_i, f_j))`` over the masks ``j`` before ``i`` of its class.

    Args:
        masks: ``(N, m, n)`` bool in NMS order, on any grid. Empty masks keep their scores.
        vectors: ``(N, C)`` pooled features f.
        scores: ``(N,)``.
        labels: ``(N,)`` int64.

    Returns:
        The new scores ``(N,)``.
    """
    contained = torch.zeros_like(scores)
    for label in labels.unique().tolist():
        members = torch.nonzero(labels == label)[:, 0]
        shared = _intersections(masks[members].flatten(1))
        share = shared / shared.diagonal().clamp(min=1)[:, None]
        share = share * cosine(vectors[members], vectors[members]).clamp(min=0)
        contained[members] = share.tril(diagonal=-1).amax(dim=1)
    return scores * (1 - contained).clamp(min=0).sqrt()


def _intersections(masks: Tensor) -> Tensor:
    """Count common pixels of all pairs of ``(N, P)`` bool masks: ``(N, N)`` float32, exact up to 2**24."""
    common = torch.zeros(len(masks), len(masks), device=masks.device)
    for part in masks.split(max(1, MERGED_ELEMENTS // len(masks)), dim=1):
        inside = part.float()
        common.addmm_(inside, inside.T)
    return common
