"""What the encoders built on a backbone share: from normalised images to one float32 feature map."""

from __future__ import annotations

import hashlib
import json
import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from ntt.encoders.base import Encoder
from ntt.encoders.debias import PositionalDebias
from ntt.encoders.features import FeatureOptions, cast, float_type, merged_dim, merging, pick_layers
from ntt.encoders.image_size import check_size

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

logger = logging.getLogger(__name__)


class BackboneEncoder(Encoder):
    """A frozen backbone with its input normalisation and a choice of its features.

    Attributes:
        backbone: the module.
        layers: numbers of the layers whose features are taken, from 0.
        random_weights: True when the weights are an untrained initialisation.
        weights_file: the file the weights came from; None when they are random or came with the backbone.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        backbone: nn.Module,
        *,
        channels: Sequence[int],
        patch_size: int,
        img_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        architecture: Mapping[str, Any],
        weights_file: Path | None,
        random_weights: bool,
        **options: Unpack[FeatureOptions],
    ) -> None:
        """Take over a backbone.

        Args:
            name: of the variant.
            backbone: with its weights.
            channels: of the features of each of its layers.
            patch_size: side of a patch in pixels.
            img_size: side in pixels that images are resized to.
            mean: per-channel mean of the images the weights were trained on.
            std: the same for the standard deviation.
            architecture: what else tells it from other backbones with the same tensors.
            weights_file: see the class.
            random_weights: see the class.
            **options: see :class:`ntt.encoders.features.FeatureOptions`.

        Raises:
            InputError: unsuitable size or options.
        """
        super().__init__()
        merge = options.get("merge", "mean")
        self.name = name
        self.backbone = backbone
        self.patch_size = patch_size
        self.img_size = img_size
        self.layers = pick_layers(name, options.get("layers", (-1,)), len(channels))
        self.embed_dim = merged_dim(merge, [channels[layer] for layer in self.layers])
        self.debias = options.get("debias") or PositionalDebias(rank=0)
        self.architecture = {
            **architecture,
            "layers": self.layers,
            "merge": merge,
            "debias": self.debias.identity,
        }
        self.weights_file = weights_file
        self.random_weights = random_weights
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.check_size(img_size, img_size)
        self.debias.check(name, self.embed_dim, (img_size // patch_size) ** 2)
        self._merge = merging(merge)
        self._dtype = float_type(options)
        cast(backbone, self._dtype)
        self._run = torch.compile(self.layer_maps) if options.get("compile") else self.layer_maps
        self.eval().requires_grad_(False)
        if self.random_weights:
            logger.warning("%s runs with random weights: its results mean nothing, only its speed does", name)

    @abstractmethod
    def layer_maps(self, pixels: Tensor) -> Sequence[Tensor]:
        """Features ``(B, h, w, C)`` of each of ``self.layers``, of normalised images ``(B, 3, H, W)``."""

    def forward(self, images: Tensor) -> Tensor:
        """See :meth:`ntt.encoders.base.Encoder.forward`."""
        return self.debiased(self.plain(images))

    def plain(self, images: Tensor) -> Tensor:
        """See :meth:`ntt.encoders.base.Encoder.plain`."""
        maps = self._run(self.normalise(images).to(self._dtype))
        return self._merge([layer.float() for layer in maps])

    def debiased(self, features: Tensor) -> Tensor:
        """See :meth:`ntt.encoders.base.Encoder.debiased`."""
        if not self.debias.rank:
            return features
        basis = self.debias.basis(self.plain, self.img_size, lambda: self.fingerprint, features)
        return self.debias.project_out(features, basis)

    def check_size(self, height: int, width: int) -> None:
        """Raise InputError, naming the nearest valid sizes, unless the patch size divides both sides."""
        check_size(self.name, self.patch_size, height, width)

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
