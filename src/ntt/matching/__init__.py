"""Matching of proposals with the reference memory, in pure tensor functions."""

from ntt.matching.base import Matcher
from ntt.matching.boxes import boxes_from_masks
from ntt.matching.confidence import Confidence, CosineConfidence, Judgement, SoftmaxConfidence
from ntt.matching.contrast import ContrastMatcher
from ntt.matching.matcher import PrototypeMatcher
from ntt.matching.merging import soft_merge
from ntt.matching.nms import class_nms
from ntt.matching.pairs import PairMatcher
from ntt.matching.patches import Patches
from ntt.matching.queries import Queries
from ntt.matching.regions import RegionMatcher
from ntt.matching.resizing import resize_masks
from ntt.matching.selection import COVERED, best_instances, coverage, mask_iou, uncovered
from ntt.matching.semantic import semantic_map
from ntt.matching.similarity import classify, cosine, similarity_maps
from ntt.matching.splitting import split_region

__all__ = [
    "COVERED",
    "Confidence",
    "ContrastMatcher",
    "CosineConfidence",
    "Judgement",
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
