"""Every mask scored for every class."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ntt.matching.pooling import pool_features
from ntt.matching.selection import best_instances
from ntt.matching.similarity import cosine
from ntt.segmenters.base import Proposals
from ntt.structures import Instances


class PairMatcher:
    """Score each pair of a class and a mask by ``(cos + 1) / 2``; a mask may be reported for several classes.

    The baseline with automatic masks of *No time to train!* (arXiv 2507.02798): patch features are brought to
    length 1 before they are pooled, and nothing is thinned out, since the mask generator has done so.

    Args:
        max_instances: at most so many instances are reported.

    Attributes:
        nms_iou: 1, since overlapping proposals are all kept.
    """

    nms_iou = 1.0

    def __init__(self, max_instances: int) -> None:
        self.max_instances = max_instances

    def __call__(
        self, features: Tensor, proposals: Proposals, prototypes: Tensor, height: int, width: int
    ) -> Instances:
        """See :class:`ntt.matching.Matcher`."""
        masks = proposals.logits > 0
        filled = masks.flatten(1).any(dim=1)
        logits, masks = proposals.logits[filled], masks[filled]
        if len(masks) == 0 or len(prototypes) == 0:
            return Instances.empty(height, width)
        vectors = pool_features(F.normalize(features, dim=-1), masks)
        pairs = (cosine(vectors, prototypes).flatten() + 1) / 2
        scores, order = pairs.sort(descending=True, stable=True)
        scores, order = scores[: self.max_instances], order[: self.max_instances]
        mask, label = order // len(prototypes), order % len(prototypes)
        return best_instances(logits[mask], scores, label, height, width, self.max_instances)
