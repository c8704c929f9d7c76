"""Proposals and prototypes become scored instances."""

from __future__ import annotations

from torch import Tensor

from ntt.matching.boxes import boxes_from_masks
from ntt.matching.confidence import Confidence
from ntt.matching.merging import soft_merge
from ntt.matching.nms import class_nms
from ntt.matching.pooling import pool_features
from ntt.matching.resizing import resize_masks
from ntt.matching.selection import best_instances
from ntt.matching.similarity import cosine
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


class PrototypeMatcher:
    """Label each proposal by its nearest class prototype, then thin out: NMS, soft merging, the best.

    The grid method of *No time to train!* (arXiv 2507.02798).

    Args:
        confidence: makes scores and labels of similarities, and says what the NMS goes by.
        nms_iou: box IoU above which, within a class, the worse of two proposals is dropped.
        candidates: at most so many proposals survive the NMS.
        max_instances: at most so many instances are reported.
        exact: merge masks at the size of the image, as the paper's code does, not on the segmenter's grid;
            scores change a little, time and memory a lot.
    """

    def __init__(
        self, confidence: Confidence, nms_iou: float, candidates: int, max_instances: int, exact: bool = False
    ) -> None:
        self.confidence = confidence
        self.nms_iou = nms_iou
        self.candidates = candidates
        self.max_instances = max_instances
        self.exact = exact

    def __call__(
        self, features: Tensor, proposals: Proposals, prototypes: Tensor, height: int, width: int
    ) -> Instances:
        """See :class:`ntt.matching.Matcher`."""
        masks = proposals.logits > 0
        filled = masks.flatten(1).any(dim=1)
        logits, masks, iou = proposals.logits[filled], masks[filled], proposals.iou[filled]
        if len(masks) == 0 or len(prototypes) == 0:
            return Instances.empty(height, width)

        vectors = pool_features(features, masks)
        scores, labels, priority = self.confidence(cosine(vectors, prototypes), iou)
        scale = features.new_tensor([width, height, width, height]) / masks.shape[-1]
        kept = class_nms(boxes_from_masks(masks) * scale, priority, labels, self.nms_iou, self.candidates)
        logits, vectors = logits[kept], vectors[kept]
        masks = resize_masks(logits, height, width) if self.exact else masks[kept]
        scores = soft_merge(masks, vectors, scores[kept], labels[kept])
        return best_instances(logits, scores, labels[kept], height, width, self.max_instances)
