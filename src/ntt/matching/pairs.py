"""Matcher that scores every mask for every class."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ntt.matching.queries import Queries
from ntt.matching.scorers import Scorer
from ntt.matching.selection import best_instances
from ntt.memory import MemoryBank
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


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

    def __init__(self, scorer: Scorer, max_instances: int) -> None:
        self.scorer = scorer
        self.max_instances = max_instances

    def __call__(
        self, features: Tensor, proposals: Proposals, memory: MemoryBank, height: int, width: int
    ) -> Instances:
        """See :class:`ntt.matching.Matcher`."""
        masks = proposals.logits > 0
        filled = masks.flatten(1).any(dim=1)
        logits, masks = proposals.logits[filled], masks[filled]
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
