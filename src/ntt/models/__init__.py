"""Complete few-shot segmentation models, instantiated from the configuration."""

from ntt.models.base import ReferenceSegmenter
from ntt.models.guided import Guided
from ntt.models.insid3 import INSID3
from ntt.models.matching_baseline import Sam2MatchingBaseline
from ntt.models.matching_baseline_noamg import Sam2MatchingBaselineNoAMG
from ntt.models.prototype_matching import PrototypeMatching

__all__ = [
    "INSID3",
    "Guided",
    "PrototypeMatching",
    "ReferenceSegmenter",
    "Sam2MatchingBaseline",
    "Sam2MatchingBaselineNoAMG",
]
