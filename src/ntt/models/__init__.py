"""The assembled segmenters that a configuration names."""

from ntt.models.base import ReferenceSegmenter
from ntt.models.matching_baseline_noamg import Sam2MatchingBaselineNoAMG

__all__ = ["ReferenceSegmenter", "Sam2MatchingBaselineNoAMG"]
