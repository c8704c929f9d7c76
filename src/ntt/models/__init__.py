"""Complete few-shot segmentation models, instantiated from the configuration."""

from ntt.models.methods import INSID3, Guided, Sam2MatchingBaseline, Sam2MatchingBaselineNoAMG
from ntt.models.prototype_matching import PrototypeMatching, ReferenceSegmenter

__all__ = [
    "INSID3",
    "Guided",
    "PrototypeMatching",
    "ReferenceSegmenter",
    "Sam2MatchingBaseline",
    "Sam2MatchingBaselineNoAMG",
]
