"""Regions that were proposed for a class each become scored instances."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.boxes import boxes_from_masks
from ntt.matching.queries import Queries
from ntt.matching.scorers import Scorer
from ntt.matching.selection import coverage
from ntt.matching.similarity import similarity_maps
from ntt.matching.splitting import split_region
from ntt.memory import MemoryBank
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


class RegionMatcher:
    """Split the region of each class into instances, score them, and let classes compete for the same place.

    The pixels of a class's instances together are the pixels of its region, upsampled bilinearly and cut at
    0.5, but for instances that another class wins.

    Args:
        scorer: compares instances with the classes; the score is the similarity, clamped to [0, 1].
        neck: where touching objects are cut apart, see :func:`ntt.matching.splitting.split_region`.
        class_overlap: of two instances of different classes that share more than this of the smaller one, the
            one with the lower score goes; 1 keeps both.
        max_instances: at most so many instances are reported.

    Attributes:
        nms_iou: 1, since instances of a class do not overlap.

    Raises:
        InputError: a number outside its range.
    """

    nms_iou = 1.0

    def __init__(self, scorer: Scorer, neck: float, class_overlap: float, max_instances: int) -> None:
        for key, value in (("neck", neck), ("class_overlap", class_overlap)):
            if not 0 <= value <= 1:
                raise InputError(f"model.matcher.{key} must be in [0, 1], got {value}")
        self.scorer = scorer
        self.neck = neck
        self.class_overlap = class_overlap
        self.max_instances = max_instances

    def __call__(
        self, features: Tensor, proposals: Proposals, memory: MemoryBank, height: int, width: int
    ) -> Instances:
        """See :class:`ntt.matching.Matcher`; proposals are on the patch grid and have labels."""
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
    """Parts of a region at the size of the image: the region's pixels, each given to the nearest part.

    Args:
        region: ``(h, w)`` bool.
        parts: ``(n, h, w)`` bool inside the region, disjoint.
        height: of the image in pixels.
        width: of the image in pixels.

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
    """Indices of the parts that no better one of another class covers, by falling score."""
    order = scores.argsort(descending=True, stable=True)
    shared = coverage(parts, parts)
    kept: list[int] = []
    for index in order.tolist():
        rivals = [other for other in kept if labels[other] != labels[index]]
        if not rivals or float(shared[index, rivals].max()) <= most:
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64, device=parts.device)


def _instances(masks: Tensor, scores: Tensor, labels: Tensor) -> Instances:
    """Instances on the CPU, best first; a mask without a pixel is left out."""
    filled = masks.flatten(1).any(dim=1)
    scores, labels = scores.float().cpu(), labels.cpu()
    order = scores.argsort(descending=True, stable=True)
    order = order[filled[order]]
    masks = masks[order]
    return Instances(masks, boxes_from_masks(masks), scores[order], labels[order])
