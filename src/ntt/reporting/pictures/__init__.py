"""Visualizations of references, instances, semantic maps, similarity and features."""

from ntt.reporting.pictures.features import draw_features
from ntt.reporting.pictures.instances import draw_comparison, draw_instances
from ntt.reporting.pictures.references import draw_references
from ntt.reporting.pictures.semantic import draw_semantic
from ntt.reporting.pictures.similarity import draw_similarity

__all__ = [
    "draw_comparison",
    "draw_features",
    "draw_instances",
    "draw_references",
    "draw_semantic",
    "draw_similarity",
]
