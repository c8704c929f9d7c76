"""timm network as a replacement for SAM 2's Hiera trunk."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ntt.optional import hidden

with hidden("wandb"):  # timm.utils imports it, which takes seconds
    import timm


class TimmTrunk(nn.Module):
    """Compute feature maps of strides 4, 8, 16 and 32 with a timm network, for the neck of SAM 2's encoder.

    Set it as ``_target_`` of ``image_encoder.trunk`` in the segmenter's ``overrides``. Weights are random
    until the segmenter loads its checkpoint.

    Args:
        model_name: timm's name of the network, which must support ``features_only`` with these strides.

    Attributes:
        model_name: see above.
        channel_list: channels of the maps, coarsest first, as the package's ``FpnNeck`` expects.
    """

    def __init__(self, model_name: str) -> None:
        super().__init__()
        self.model_name = model_name
        self.body: Any = timm.create_model(model_name, features_only=True, out_indices=(1, 2, 3, 4))
        self.body.to(memory_format=torch.channels_last)  # several times faster for convolutions on a CPU
        body: Any = self.body
        self.channel_list: list[int] = body.feature_info.channels()[::-1]

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Encode ``(B, 3, S, S)`` to maps ``(B, C, s, s)``, finest first."""
        body: Any = self.body
        maps = body(pixels.contiguous(memory_format=torch.channels_last))
        return [level.contiguous() for level in maps]
