"""Base class of backbone encoders: input normalisation, layer selection, merging, debiasing."""

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

from ntt.encoders.base import Encoder, check_size
from ntt.encoders.debias import PositionalDebias
from ntt.encoders.features import FeatureOptions, cast, float_type, merged_dim, merging, pick_layers

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

logger = logging.getLogger(__name__)


class BackboneEncoder(Encoder):
    """Frozen backbone with input normalisation and a selection of its layers; features are float32.

    Attributes:
        backbone: the wrapped module.
        layers: indices of the selected layers, from 0.
        random_weights: whether the weights are an untrained initialisation.
        weights_file: file from which the weights were loaded; None if they are random or were created with
            the backbone.
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
        """Wrap a backbone.

        Args:
            name: variant name.
            backbone: module with its weights loaded.
            channels: feature channels of each layer.
            patch_size: side of a patch in pixels.
            img_size: side in pixels of the square input to which images are resized.
            mean: per-channel mean of the training images.
            std: per-channel standard deviation of the training images.
            architecture: settings that change the features but not the tensors; part of the fingerprint.
            weights_file: see the class.
            random_weights: see the class.
            **options: see :class:`ntt.encoders.features.FeatureOptions`.

        Raises:
            InputError: invalid image size or options.
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
            "debias": self.debias.facts,
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
            logger.warning("%s runs with random weights: only its speed is meaningful, not its results", name)

    @abstractmethod
    def layer_maps(self, pixels: Tensor) -> Sequence[Tensor]:
        """Compute features ``(B, h, w, C)`` of each of ``self.layers`` from images ``(B, 3, H, W)``.

        Args:
            pixels: normalised images.
        """

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
        """Raise InputError, listing the nearest valid sizes, unless the patch size divides both sides."""
        check_size(self.name, self.patch_size, height, width)

    def normalise(self, images: Tensor) -> Tensor:
        """Check the size of ``(B, 3, H, W)`` images in [0, 1] and normalise them by mean and deviation."""
        self.check_size(images.shape[-2], images.shape[-1])
        return (images - self.mean) / self.std

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """Hash of architecture, image size and all weights, independent of the checkpoint layout.

        Recomputed on every access, because the weights may be trained or cast in between.
        """
        content = hashlib.sha256()
        content.update(json.dumps([self.architecture, self.img_size], sort_keys=True).encode())
        for tensors in (self.named_parameters(), self.named_buffers()):
            for key, tensor in tensors:
                content.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
                if not tensor.is_meta:
                    flat = tensor.detach().cpu().contiguous().flatten()
                    content.update(flat.view(torch.uint8).numpy().data)
        return content.hexdigest()[:16]
