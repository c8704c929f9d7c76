"""Matcher that scores masks by the contrast of similarity inside and around them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.errors import InputError
from ntt.matching.ops import similarity_maps
from ntt.matching.patches import Queries
from ntt.matching.scorers import Scorer
from ntt.matching.selection import best_instances, coverage, mask_iou
from ntt.memory import MemoryBank
from ntt.segmenters.base import Proposals
from ntt.structures import Instances

LARGEST = 0.9  # masks that cover at least this share of the image are dropped


class ContrastMatcher:
    """Score each mask by its class similarity inside minus the similarity in a ring around it.

    A mask of an object part is surrounded by more of the object, and a mask that extends beyond the object
    contains background; both have a lower contrast than the whole object. The score is ``p * cos *
    sqrt(contrast) * iou``: ``p`` is the probability of the class among all classes and separates the classes;
    ``cos`` is the similarity of the mask to the class and separates it from other objects; ``iou`` is the IoU
    predicted by the segmenter. Of overlapping masks, only the best is kept, averaged with those that nearly
    agree with it: where one of them misses a part, the others vote for it.

    Args:
        scorer: computes class similarities, for ``p`` and ``cos``.
        temperature: temperature of the softmax over the classes, above 0.
        ring: width of the ring, as a share of the image's side.
        overlap: if two masks of a class share more than this share of the smaller one, the one with the lower
            score is dropped; 1 keeps both.
        class_overlap: the same for masks of different classes.
        average_iou: a kept mask is averaged with the masks of its class whose IoU with it is at least this
            threshold, weighted by score; 1 averages none.
        max_instances: maximum number of returned instances.

    Attributes:
        nms_iou: box IoU threshold of the NMS applied to proposals with oracle labels.

    Raises:
        InputError: an option is out of range.
    """

    nms_iou = 0.5

    def __init__(
        self,
        scorer: Scorer,
        temperature: float,
        ring: float,
        overlap: float,
        class_overlap: float,
        average_iou: float,
        max_instances: int,
    ) -> None:
        if not temperature > 0:
            raise InputError(f"model.matcher.temperature must be above 0, got {temperature}")
        for key, value in (
            ("ring", ring),
            ("overlap", overlap),
            ("class_overlap", class_overlap),
            ("average_iou", average_iou),
        ):
            if not 0 <= value <= 1:
                raise InputError(f"model.matcher.{key} must be in [0, 1], got {value}")
        self.scorer = scorer
        self.temperature = temperature
        self.ring = ring
        self.overlap = overlap
        self.class_overlap = class_overlap
        self.average_iou = average_iou
        self.max_instances = max_instances

    def __call__(
        self, features: Tensor, proposals: Proposals, memory: MemoryBank, height: int, width: int
    ) -> Instances:
        """See :class:`ntt.matching.Matcher`."""
        masks = proposals.logits > 0
        share = masks.flatten(1).float().mean(dim=1)
        usable = (share > 0) & (share < LARGEST)
        logits, masks, iou = proposals.logits[usable], masks[usable], proposals.iou[usable]
        if not len(masks) or not memory.class_names:
            return Instances.empty(height, width)
        maps = similarity_maps(features, memory.prototypes.to(features))
        similarities = self.similarities(features, masks, memory)
        probability = (similarities / self.temperature).softmax(dim=1)
        quality = contrast(masks, maps, self.ring).sqrt() * iou.clamp(0, 1)[:, None]
        pairs = probability * similarities.clamp(min=0) * quality
        scores, labels = pairs.max(dim=1)
        kept = self._suppressed(masks, scores, labels)
        logits = self._averaged(logits, masks, scores, labels, kept)
        scores, labels = scores[kept], labels[kept]
        if self.average_iou < 1:  # a mask that grew may cover a smaller one
            kept = self._suppressed(logits > 0, scores, labels)
            logits, scores, labels = logits[kept], scores[kept], labels[kept]
        return best_instances(logits, scores, labels, height, width, self.max_instances)

    def similarities(self, features: Tensor, masks: Tensor, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.Matcher`."""
        return self.scorer(Queries.of(features, masks), memory)

    def _averaged(
        self, logits: Tensor, masks: Tensor, scores: Tensor, labels: Tensor, kept: Tensor
    ) -> Tensor:
        """Average the logits of each kept mask with those that nearly agree, ``(len(kept), m, m)``."""
        if self.average_iou >= 1:
            return logits[kept]
        agree = mask_iou(masks[kept], masks) >= self.average_iou
        weights = (agree & (labels[kept][:, None] == labels)).float() * scores.clamp(min=0)
        means = weights @ logits.float().flatten(1) / weights.sum(dim=1, keepdim=True)
        return means.view(len(kept), *logits.shape[1:]).to(logits)

    def _suppressed(self, masks: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
        """Return indices of masks that score above 0 and that no better mask overlaps too much."""
        allowed = torch.where(labels[:, None] == labels, self.overlap, self.class_overlap)
        rivals = coverage(masks, masks) > allowed
        kept: list[int] = []
        for index in scores.argsort(descending=True, stable=True).tolist():
            if float(scores[index]) > 0 and not bool(rivals[index, kept].any()):
                kept.append(index)
        return torch.tensor(kept, dtype=torch.int64, device=masks.device)


def contrast(masks: Tensor, maps: Tensor, ring: float) -> Tensor:
    """Compute mean similarity inside each mask minus that in the ring around it, ``(N, K)``, clamped at 0.

    Args:
        masks: ``(N, m, m)`` bool, not empty.
        maps: ``(K, h, w)`` cosine of every patch with every class prototype, for the same image.
        ring: width of the ring, as a share of ``m``.
    """
    side = masks.shape[-1]
    finer = F.interpolate(maps[None], (side, side), mode="bilinear", align_corners=False)[0].flatten(1)
    reach = max(1, round(ring * side))
    grown = F.max_pool2d(masks[:, None].float(), 2 * reach + 1, stride=1, padding=reach)[:, 0]
    inside, around = masks.flatten(1).float(), (grown - masks.float()).flatten(1)
    return (_means(inside, finer) - _means(around, finer)).clamp(min=0)


def _means(weights: Tensor, maps: Tensor) -> Tensor:
    """Compute weighted means of maps ``(K, P)`` with weights ``(N, P)``: ``(N, K)``."""
    return weights @ maps.T / weights.sum(dim=1, keepdim=True).clamp(min=1)
