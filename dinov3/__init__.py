"""DINOv3 as a torch.hub repository; ``hubconf.py`` says how. Meta's clone can take its place."""

from dinov3.dinov3_utils import DINOV3_CONFIGS, DINOv3Config

__all__ = ["DINOV3_CONFIGS", "DINOv3Config"]
