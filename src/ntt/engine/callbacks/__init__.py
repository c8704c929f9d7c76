"""Callbacks of the stages: progress, evaluation, visualizations."""

from ntt.engine.callbacks.oracle import OracleAP, ProposalRecall
from ntt.engine.callbacks.predictions import Predictions
from ntt.engine.callbacks.progress import StageProgress
from ntt.engine.callbacks.semantic_maps import SemanticMaps
from ntt.engine.callbacks.visualizations import Visualizations

__all__ = [
    "OracleAP",
    "Predictions",
    "ProposalRecall",
    "SemanticMaps",
    "StageProgress",
    "Visualizations",
]
