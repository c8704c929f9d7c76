"""Matching of proposals with the reference memory, in pure tensor functions."""

from ntt.matching.confidence import Classification, Confidence, CosineConfidence, SoftmaxConfidence
from ntt.matching.contrast import ContrastMatcher
from ntt.matching.matcher import Matcher, PairMatcher, PrototypeMatcher
from ntt.matching.ops import (
    boxes_from_masks,
    class_nms,
    classify,
    cosine,
    resize_masks,
    similarity_maps,
    soft_merge,
)
from ntt.matching.patches import Patches, Queries
from ntt.matching.regions import RegionMatcher
from ntt.matching.selection import COVERED, best_instances, coverage, mask_iou, semantic_map, uncovered
from ntt.matching.splitting import split_region

__all__ = [
    "COVERED",
    "Classification",
    "Confidence",
    "ContrastMatcher",
    "CosineConfidence",
    "Matcher",
    "PairMatcher",
    "Patches",
    "PrototypeMatcher",
    "Queries",
    "RegionMatcher",
    "SoftmaxConfidence",
    "best_instances",
    "boxes_from_masks",
    "class_nms",
    "classify",
    "cosine",
    "coverage",
    "mask_iou",
    "resize_masks",
    "semantic_map",
    "similarity_maps",
    "soft_merge",
    "split_region",
    "uncovered",
]
