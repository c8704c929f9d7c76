"""Promptable segmenters that predict masks and their IoU from an image and prompts."""

from ntt.segmenters.base import ImageEmbedding, Prompts, Proposals, Segmenter
from ntt.segmenters.none import NoSegmenter
from ntt.segmenters.sam2 import Sam2Segmenter

__all__ = [
    "ImageEmbedding",
    "NoSegmenter",
    "Prompts",
    "Proposals",
    "Sam2Segmenter",
    "Segmenter",
]
