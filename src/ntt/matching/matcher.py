"""Proposals and memory become scored instances."""

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
    """Label each proposal by the class it resembles most, then thin out: NMS, soft merging, the best.

    The grid method of *No time to train!* (arXiv 2507.02798).

    Args:
        scorer: compares proposals with the classes.
        confidence: makes scores and labels of similarities, and says what the NMS goes by.
        nms_iou: box IoU above which, within a class, the worse of two proposals is dropped.
        candidates: at most so many proposals survive the NMS.
        max_instances: at most so many instances are reported.
        exact: merge masks at the size of the image, as the paper's code does, not on the segmenter's grid;
            scores change a little, time and memory a lot.
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
