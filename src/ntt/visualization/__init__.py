"""Visualizations of references, instances, semantic maps, similarity and features."""

from ntt.visualization.feature_maps import draw_features, draw_similarity
from ntt.visualization.instances import draw_comparison, draw_instances
from ntt.visualization.references import draw_references
from ntt.visualization.semantic import draw_semantic

__all__ = [
    "draw_comparison",
    "draw_features",
    "draw_instances",
    "draw_references",
    "draw_semantic",
    "draw_similarity",
]
