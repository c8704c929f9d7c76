"""Scorers: similarity of masks to each class of the reference memory."""

from ntt.matching.scorers.base import Scorer
from ntt.matching.scorers.class_mean import ClassMean
from ntt.matching.scorers.k_means import KMeansCentres
from ntt.matching.scorers.nearest import NearestInstance, SoftNearestInstances
from ntt.matching.scorers.negatives import NegativePenalty
from ntt.matching.scorers.optimal_transport import OptimalTransport

__all__ = [
    "ClassMean",
    "KMeansCentres",
    "NearestInstance",
    "NegativePenalty",
    "OptimalTransport",
    "Scorer",
    "SoftNearestInstances",
]
