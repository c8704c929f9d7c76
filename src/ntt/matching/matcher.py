"""Prototype matchers: proposals and memory become scored instances."""

from __future__ import annotations

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from ntt.matching.confidence import Confidence
from ntt.matching.ops import boxes_from_masks, class_nms, resize_masks, soft_merge
from ntt.matching.patches import Queries
from ntt.matching.scorers import Scorer
from ntt.matching.selection import best_instances
from ntt.memory import MemoryBank
from ntt.options import AtLeastOne, Share
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


class Matcher(Protocol):
    """Label, score and filter the proposals of an image.

    Attributes:
        nms_iou: box IoU above which the worse of two proposals of a class is dropped.
        max_instances: maximum number of returned instances.
    """

    nms_iou: float
    max_instances: int

    def __call__(
        self, features: Tensor, proposals: Proposals, memory: MemoryBank, height: int, width: int
    ) -> Instances:
        """Match the proposals of one image.

        Args:
            features: ``(h, w, C)`` patch features of the image.
            proposals: N masks on the segmenter's square grid.
            memory: aggregated memory of K classes.
            height: image height in pixels.
            width: image width in pixels.
        """

    def similarities(self, features: Tensor, masks: Tensor, memory: MemoryBank) -> Tensor:
        """Compute the similarity of masks ``(N, m, n)`` bool to each class, ``(N, K)`` in [-1, 1]."""


class PrototypeMatcher:
    """Label each proposal by its most similar class, then apply NMS and soft merging and keep the best.

    The grid method of *No time to train!* (arXiv 2507.02798).

    Args:
        scorer: computes the similarity of proposals to the classes.
        confidence: computes scores, labels and NMS priorities from similarities.
        nms_iou: box IoU above which the worse of two proposals of a class is dropped.
        candidates: maximum number of proposals after the NMS.
        max_instances: maximum number of returned instances.
        exact: merge masks at image resolution, as the paper's code does, instead of on the segmenter's grid.
            Scores change slightly; time and memory increase considerably.
    """

    def __init__(
        self,
        scorer: Scorer,
        confidence: Confidence,
        nms_iou: Share,
        candidates: AtLeastOne,
        max_instances: AtLeastOne,
        exact: bool = False,
    ) -> None:
        self.scorer = scorer
        self.confidence = confidence
        self.nms_iou = nms_iou
        self.candidates = candidates
        self.max_instances = max_instances
        self.exact = exact

    def __call__(
        self, features: Tensor, proposals: Proposals, memory: MemoryBank, height: int, width: int
    ) -> Instances:
        """See :class:`ntt.matching.Matcher`."""
        logits, masks, iou = _visible(proposals)
        if len(masks) == 0 or not memory.class_names:
            return Instances.empty(height, width)

        queries = Queries.of(features, masks)
        scores, labels, priority = self.confidence(self.scorer(queries, memory), iou)
        kept = class_nms(boxes_from_masks(masks), priority, labels, self.nms_iou, self.candidates)
        logits, vectors = logits[kept], queries.vectors[kept]
        masks = resize_masks(logits, height, width) if self.exact else masks[kept]
        scores = soft_merge(masks, vectors, scores[kept], labels[kept])
        return best_instances(logits, scores, labels[kept], height, width, self.max_instances)

    def similarities(self, features: Tensor, masks: Tensor, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.Matcher`."""
        return self.scorer(Queries.of(features, masks), memory)


class PairMatcher:
    """Score each pair of class and mask by ``(cos + 1) / 2``; a mask may be returned for several classes.

    The baseline with automatic masks of *No time to train!* (arXiv 2507.02798). Patch features are
    L2-normalised before pooling. No NMS is applied, because the mask generator has already suppressed
    overlapping masks.

    Args:
        scorer: computes the similarity of proposals to the classes.
        max_instances: maximum number of returned instances.

    Attributes:
        nms_iou: 1, because all overlapping proposals are kept.
    """

    nms_iou = 1.0

    def __init__(self, scorer: Scorer, max_instances: AtLeastOne) -> None:
        self.scorer = scorer
        self.max_instances = max_instances

    def __call__(
        self, features: Tensor, proposals: Proposals, memory: MemoryBank, height: int, width: int
    ) -> Instances:
        """See :class:`ntt.matching.Matcher`."""
        logits, masks, _ = _visible(proposals)
        if len(masks) == 0 or not memory.class_names:
            return Instances.empty(height, width)
        pairs = (self.similarities(features, masks, memory).flatten() + 1) / 2
        scores, order = pairs.sort(descending=True, stable=True)
        scores, order = scores[: self.max_instances], order[: self.max_instances]
        classes = len(memory.class_names)
        mask, label = order // classes, order % classes
        return best_instances(logits[mask], scores, label, height, width, self.max_instances)

    def similarities(self, features: Tensor, masks: Tensor, memory: MemoryBank) -> Tensor:
        """See :class:`ntt.matching.Matcher`."""
        return self.scorer(Queries.of(F.normalize(features, dim=-1), masks), memory)


def _visible(proposals: Proposals) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, masks ``(N, m, m)`` and predicted IoU ``(N,)`` of the proposals that are not empty."""
    masks = proposals.logits > 0
    filled = masks.flatten(1).any(dim=1)
    return proposals.logits[filled], masks[filled], proposals.iou[filled]
