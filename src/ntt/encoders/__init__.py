"""Frozen image encoders that map an image to a grid of patch features."""

from ntt.encoders.base import Encoder
from ntt.encoders.debias import PositionalDebias
from ntt.encoders.dinov2 import DINOv2
from ntt.encoders.dinov3 import DINOv3
from ntt.encoders.ensemble import EnsembleEncoder
from ntt.encoders.timm_encoder import TimmEncoder

__all__ = ["DINOv2", "DINOv3", "Encoder", "EnsembleEncoder", "PositionalDebias", "TimmEncoder"]
