"""What one target image yields; every callback reads it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ntt.segmenters.base import Proposals
from ntt.structures import Instances, Target


@dataclass(frozen=True)
class Outcome:
    """The result of one image and what it was made from.

    Attributes:
        index: number of the image in the order of the run, from 0.
        target: the image.
        features: ``(h, w, C)`` patch features.
        proposals: what the segmenter offered.
        instances: what the model reports, best first.
    """

    index: int
    target: Target
    features: Tensor
    proposals: Proposals
    instances: Instances
