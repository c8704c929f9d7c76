"""Prototype matcher of the grid method."""

from __future__ import annotations

from torch import Tensor

from ntt.matching.boxes import boxes_from_masks
from ntt.matching.confidence import Confidence
from ntt.matching.merging import soft_merge
from ntt.matching.nms import class_nms
from ntt.matching.queries import Queries
from ntt.matching.resizing import resize_masks
from ntt.matching.scorers import Scorer
from ntt.matching.selection import best_instances
from ntt.memory import MemoryBank
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


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
        nms_iou: float,
        candidates: int,
        max_instances: int,
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
        masks = proposals.logits > 0
        filled = masks.flatten(1).any(dim=1)
        logits, masks, iou = proposals.logits[filled], masks[filled], proposals.iou[filled]
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
