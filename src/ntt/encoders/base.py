"""Encoder interface: map an image to a grid of patch features."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from ntt.errors import InputError


class Encoder(nn.Module, ABC):
    """Frozen image encoder.

    Attributes:
        name: variant name ("dinov3_large").
        embed_dim: number of channels C of a patch feature.
        patch_size: side of a patch in pixels (the stride of the feature grid).
        img_size: side in pixels of the square input to which images are resized.
        fingerprint: hash of everything that affects the features (architecture, weights, image size).
        random_weights: whether the weights are an untrained initialisation; results are then meaningless.
    """

    name: str
    embed_dim: int
    patch_size: int
    img_size: int
    fingerprint: str
    random_weights: bool = False

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Encode a batch.

        Args:
            images: ``(B, 3, H, W)`` float in [0, 1], RGB; H and W multiples of ``patch_size``.
                The encoder applies its own mean and standard deviation.

        Returns:
            ``(B, H / patch_size, W / patch_size, C)`` normalised last-layer patch features;
            class, register and storage tokens are dropped.
        """

    def plain(self, images: Tensor) -> Tensor:
        """Encode like :meth:`forward`, but keep the positional component that debiasing removes."""
        features: Tensor = self(images)
        return features

    def debiased(self, features: Tensor) -> Tensor:
        """Remove the positional component from ``plain`` features ``(..., C)``, if debiasing is enabled."""
        return features


def check_size(name: str, patch_size: int, height: int, width: int) -> None:
    """Raise InputError, listing the nearest valid sizes, unless the patch size divides both sides."""
    for side in (height, width):
        if side < patch_size or side % patch_size:
            below = max(side, 0) // patch_size * patch_size
            nearest = [size for size in (below, below + patch_size) if size > 0]
            raise InputError(
                f"img_size {side} is invalid for {name}: it must be a multiple of the patch size "
                f"{patch_size}; the nearest valid sizes are {' and '.join(map(str, nearest))}"
            )
