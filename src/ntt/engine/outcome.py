"""Result of one target image, the input of every callback."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ntt.segmenters.base import Proposals
from ntt.structures import Instances, Target


@dataclass(frozen=True)
class Outcome:
    """Result of one target image with its intermediate results.

    Attributes:
        index: Index of the image in the dataset, from 0.
        target: Target image.
        features: ``(h, w, C)`` patch features.
        proposals: Proposals of the segmenter.
        instances: Final instances, highest score first.
    """

    index: int
    target: Target
    features: Tensor
    proposals: Proposals
    instances: Instances
