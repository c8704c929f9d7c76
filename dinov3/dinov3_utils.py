"""The table of DINOv3 variants under the name that users know; it lives in ``ntt.encoders.configs``.

A new variant is one entry in ``src/ntt/encoders/dinov3_configs.py`` and one file in ``conf/encoder``.
"""

from ntt.encoders.configs import DINOV3_CONFIGS, DINOv3Config

__all__ = ["DINOV3_CONFIGS", "DINOv3Config"]
