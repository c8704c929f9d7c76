"""Dense teacher of the nano encoders: EfficientNet-Lite0 with ImageNet weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ntt.encoders.base import Encoder


class StandardisedTeacher(nn.Module):
    """Features of a frozen encoder, standardised to zero mean and unit variance per channel.

    Without standardisation, a few channels of high variance would dominate the student's loss.

    Args:
        encoder: any encoder with the student's feature grid.
        sample: ``(B, 3, H, W)`` images in [0, 1] from which mean and variance are computed.
    """

    def __init__(self, encoder: Encoder, sample: Tensor) -> None:
        super().__init__()
        self.encoder = encoder.eval()
        with torch.no_grad():
            features = encoder(sample).flatten(0, 2)
        self.register_buffer("mean", features.mean(0))
        self.register_buffer("std", features.std(0) + 1e-4)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Compute standardised features ``(B, h, w, C)`` of ``(B, 3, H, W)``."""
        return (self.encoder(images) - self.mean) / self.std
