"""Ensemble of encoders with concatenated features."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ntt.encoders.base import Encoder, check_size
from ntt.errors import InputError


class EnsembleEncoder(Encoder):
    """Concatenate the features of several encoders per patch.

    Each encoder receives the image at its own resolution and keeps its own options. Its features are
    L2-normalised, which gives all members equal weight in a cosine, and resized to the finest member's grid.
    The ensemble takes its image size and patch size from that member.

    Args:
        members: encoders by arbitrary names, such as ``first`` and ``second``; concatenated in this order.

    Raises:
        InputError: ``members`` is empty.
    """

    def __init__(self, members: Mapping[str, Encoder]) -> None:
        super().__init__()
        if not members:
            raise InputError("encoder.members is empty: configure at least two encoders")
        self.members = nn.ModuleDict(members)
        finest = max(members.values(), key=lambda member: (_grid(member), member.img_size))
        self.name = "+".join(member.name for member in members.values())
        self.embed_dim = sum(member.embed_dim for member in members.values())
        self.patch_size = finest.patch_size
        self.img_size = finest.img_size
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """See :meth:`ntt.encoders.base.Encoder.forward`."""
        height, width = images.shape[-2:]
        check_size(self.name, self.patch_size, height, width)
        grid = (height // self.patch_size, width // self.patch_size)
        return torch.cat([self._member_features(member, images, grid) for member in self._list()], dim=-1)

    def _member_features(self, member: Encoder, images: Tensor, grid: tuple[int, int]) -> Tensor:
        """Compute the L2-normalised features ``(B, *grid, C)`` of a member."""
        sides = [self._member_side(member, side) for side in images.shape[-2:]]
        if sides != list(images.shape[-2:]):
            images = F.interpolate(images, sides, mode="bilinear", align_corners=False, antialias=True)
        features = F.normalize(member(images), dim=-1)
        if features.shape[1:3] != grid:
            maps = F.interpolate(
                features.permute(0, 3, 1, 2), grid, mode="bilinear", align_corners=False, antialias=True
            )
            features = F.normalize(maps.permute(0, 2, 3, 1), dim=-1)
        return features

    def _member_side(self, member: Encoder, side: int) -> int:
        """Convert a side in pixels to the member's input; the ensemble's ``img_size`` maps to its own."""
        patches = round(side / self.img_size * _grid(member))
        return max(patches, 1) * member.patch_size

    def _list(self) -> list[Encoder]:
        return [member for member in self.members.values() if isinstance(member, Encoder)]

    @property
    def random_weights(self) -> bool:  # type: ignore[override]
        """Whether any member has random weights."""
        return any(member.random_weights for member in self._list())

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """Hash of the members' fingerprints, in order."""
        members = " ".join(member.fingerprint for member in self._list())
        return hashlib.sha256(f"ensemble {members}".encode()).hexdigest()[:16]


def _grid(member: Encoder) -> int:
    """Return the patches per side at the member's own image size."""
    return member.img_size // member.patch_size
