"""The dense teacher of the nano encoders: EfficientNet-Lite0 with its ImageNet weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ntt.encoders.base import Encoder


class StandardisedTeacher(nn.Module):
    """Stride-16 features of a frozen encoder, each channel brought to zero mean and unit variance.

    Without it a few loud channels would be all that the student learns.

    Args:
        encoder: any encoder with the student's stride.
        sample: ``(B, 3, H, W)`` images in [0, 1] that the mean and variance are taken from.
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
        """``(B, 3, H, W)`` to ``(B, h, w, C)``."""
        return (self.encoder(images) - self.mean) / self.std
