"""What the encoders built on a timm backbone share: normalisation, size check, fingerprint."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ntt.encoders.base import Encoder
from ntt.errors import InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

logger = logging.getLogger(__name__)


class BackboneEncoder(Encoder):
    """A frozen timm module with its input normalisation.

    Attributes:
        backbone: the timm module; its state dict is timm's layout.
        random_weights: True when the weights are an untrained initialisation.
        weights_file: the file the weights came from, None when they are random.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        backbone: nn.Module,
        *,
        embed_dim: int,
        patch_size: int,
        img_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        architecture: Mapping[str, Any],
        weights_file: Path | None,
    ) -> None:
        super().__init__()
        self.name = name
        self.backbone = backbone
        self.embed_dim = embed_dim
        self.patch_size = patch_size
        self.img_size = img_size
        self.architecture = dict(architecture)
        self.weights_file = weights_file
        self.random_weights = weights_file is None
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.check_size(img_size, img_size)
        self.eval().requires_grad_(False)
        if self.random_weights:
            logger.warning("%s runs with random weights: its results mean nothing, only its speed does", name)

    def check_size(self, height: int, width: int) -> None:
        """Raise InputError, naming the nearest valid sizes, unless the patch size divides both sides."""
        for side in (height, width):
            if side < self.patch_size or side % self.patch_size:
                below = max(side, 0) // self.patch_size * self.patch_size
                nearest = [size for size in (below, below + self.patch_size) if size > 0]
                raise InputError(
                    f"img_size {side} does not suit {self.name}: its patch size {self.patch_size} must "
                    f"divide it; the nearest valid sizes are {' and '.join(map(str, nearest))}"
                )

    def normalise(self, images: Tensor) -> Tensor:
        """Check ``(B, 3, H, W)`` images in [0, 1] and apply mean and standard deviation."""
        self.check_size(images.shape[-2], images.shape[-1])
        return (images - self.mean) / self.std

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """Hash of architecture, image size and every weight; the weights' file layout does not matter.

        Computed at each request, since the weights may be trained or cast in between.
        """
        digest = hashlib.sha256()
        digest.update(json.dumps([self.architecture, self.img_size], sort_keys=True).encode())
        for tensors in (self.named_parameters(), self.named_buffers()):
            for key, tensor in tensors:
                digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
                if not tensor.is_meta:
                    flat = tensor.detach().cpu().contiguous().flatten()
                    digest.update(flat.view(torch.uint8).numpy().data)
        return digest.hexdigest()[:16]
