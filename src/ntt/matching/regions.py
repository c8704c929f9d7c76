"""Matcher for class regions: split them into scored instances."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.matching.ops import boxes_from_masks, similarity_maps
from ntt.matching.patches import Queries
from ntt.matching.scorers import Scorer
from ntt.matching.selection import coverage
from ntt.matching.splitting import split_region
from ntt.memory import MemoryBank
from ntt.options import AtLeastOne, Share, checked
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


class RegionMatcher:
    """Split the region of each class into instances, score them, and resolve overlaps between classes.

    The instances of a class together cover its region, upsampled bilinearly and thresholded at 0.5, except
    for instances that lose to another class.

    Args:
        scorer: computes the similarity of instances to the classes; the score is the similarity, clamped to
            [0, 1].
        neck: threshold for separating touching objects, see :func:`ntt.matching.splitting.split_region`.
        class_overlap: if two instances of different classes share more than this share of the smaller one,
            the one with the lower score is dropped; 1 keeps both.
        max_instances: maximum number of returned instances.

    Attributes:
        nms_iou: 1, because instances of a class do not overlap.

    Raises:
        InputError: an option is out of range.
    """

    nms_iou = 1.0

    @checked
    def __init__(self, scorer: Scorer, neck: Share, class_overlap: Share, max_instances: AtLeastOne) -> None:
        self.scorer = scorer
        self.neck = neck
        self.class_overlap = class_overlap
        self.max_instances = max_instances

    def __call__(
        self, features: Tensor, proposals: Proposals, memory: MemoryBank, height: int, width: int
    ) -> Instances:
        """See :class:`ntt.matching.Matcher`; proposals must be labelled and on the patch grid."""
        assert proposals.labels is not None, "regions belong to a class"
        if not len(proposals):
            return Instances.empty(height, width)
        maps = similarity_maps(features, memory.prototypes.to(features))
        masks, labels = [], []
        for logits, label in zip(proposals.logits, proposals.labels.tolist(), strict=True):
            parts = split_region(logits > 0, maps[label], self.neck)
            masks.append(parts)
            labels += [label] * len(parts)
        parts, label = torch.cat(masks), torch.tensor(labels, device=features.device)
        scores = self.similarities(features, parts, memory).gather(1, label[:, None])[:, 0].clamp(min=0)
        kept = _best_of_classes(parts, scores, label, self.class_overlap)[: self.max_instances]
        pixels = torch.cat(
            [
                resized_parts(logits > 0, parts[kept[label[kept] == k]], height, width)
                for logits, k in zip(proposals.logits, proposals.labels, strict=True)
            ]
        )
        by_class = torch.cat([kept[label[kept] == k] for k in proposals.labels])
        return _instances(pixels, scores[by_class], label[by_class])

    def similarities(self, features: Tensor, masks: Tensor, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.Matcher`."""
        return self.scorer(Queries.of(features, masks), memory)


def resized_parts(region: Tensor, parts: Tensor, height: int, width: int) -> Tensor:
    """Resize the parts of a region to the image size, assigning each pixel of the region to its nearest part.

    Args:
        region: ``(h, w)`` bool.
        parts: ``(n, h, w)`` bool inside the region, disjoint.
        height: image height in pixels.
        width: image width in pixels.

    Returns:
        ``(n, height, width)`` bool, on the CPU.
    """

    def resized(mask: Tensor) -> Tensor:
        return F.interpolate(mask[None, None].float(), (height, width), mode="bilinear", align_corners=False)[
            0, 0
        ].cpu()

    inside = resized(region) > 0.5
    left_out = region & ~parts.any(dim=0)
    best = resized(left_out)
    owner = torch.full((height, width), -1)
    for index, part in enumerate(parts):
        share = resized(part)
        owner[share > best] = index
        best = torch.maximum(best, share)
    return (
        torch.stack([inside & (owner == index) for index in range(len(parts))])
        if len(parts)
        else (torch.zeros(0, height, width, dtype=torch.bool))
    )


def _best_of_classes(parts: Tensor, scores: Tensor, labels: Tensor, most: float) -> Tensor:
    """Return indices of parts that no better part of another class covers, by decreasing score."""
    order = scores.argsort(descending=True, stable=True)
    shared = coverage(parts, parts)
    kept: list[int] = []
    for index in order.tolist():
        rivals = [other for other in kept if labels[other] != labels[index]]
        if not rivals or float(shared[index, rivals].max()) <= most:
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64, device=parts.device)


def _instances(masks: Tensor, scores: Tensor, labels: Tensor) -> Instances:
    """Create instances on the CPU, best first, without empty masks."""
    filled = masks.flatten(1).any(dim=1)
    scores, labels = scores.float().cpu(), labels.cpu()
    order = scores.argsort(descending=True, stable=True)
    order = order[filled[order]]
    masks = masks[order]
    return Instances(masks, boxes_from_masks(masks), scores[order], labels[order])
