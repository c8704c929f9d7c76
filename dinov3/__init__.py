"""DINOv3 backbones: the table of variants (Siméoni et al., arXiv 2508.10104)."""

from dinov3.dinov3_utils import DINOV3_CONFIGS, DINOv3Config

__all__ = ["DINOV3_CONFIGS", "DINOv3Config"]
