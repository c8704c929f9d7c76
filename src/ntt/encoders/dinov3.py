"""DINOv3 encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Unpack, cast

import torch
from torch import Tensor, nn

from ntt.encoders.backbone import IMAGENET_MEAN, IMAGENET_STD, BackboneEncoder
from ntt.encoders.checkpoints import build_backbone, fitting_tensors, look_up
from ntt.encoders.configs import DINOV3_CONFIGS, DINOv3Config
from ntt.encoders.dinov3_vit import DINOv3ViT
from ntt.encoders.features import FeatureOptions, float_type
from ntt.encoders.hub import entry_of, load_from_clone, release_of
from ntt.encoders.weights import RANDOM, find_weights
from ntt.options import AtLeastOne, Positive


class DINOv3(BackboneEncoder):
    """DINOv3 patch features (Siméoni et al., arXiv 2508.10104).

    Args:
        name: a key of ``ntt.encoders.configs.DINOV3_CONFIGS``.
        img_size: side in pixels of the square input, a multiple of the patch size; images are resized to it.
        weights: a checkpoint of any known layout, or ``random`` for an untrained initialisation.
        mean: per-channel mean of the training images.
        std: per-channel standard deviation of the training images (the satellite weights have their own mean
            and deviation).
        repo_dir: root of another clone of DINOv3 whose model replaces ntt's. The clone loads the weights
            itself and may support fewer layouts.
        **options: see :class:`ntt.encoders.features.FeatureOptions`.

    Raises:
        InputError: unknown name, invalid image size or options, missing or mismatched weights, or an unusable
            clone.
    """

    def __init__(
        self,
        name: str,
        img_size: AtLeastOne = 224,
        *,
        weights: str,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[Positive] = IMAGENET_STD,
        repo_dir: str | None = None,
        **options: Unpack[FeatureOptions],
    ) -> None:
        config = look_up("DINOv3", DINOV3_CONFIGS, name)
        backbone, weights_file = (
            _clones_backbone(name, config, weights, repo_dir)
            if repo_dir
            else build_backbone(
                partial(DINOv3ViT, config), weights, release_of(name, config), float_type(options)
            )
        )
        super().__init__(
            name,
            backbone,
            channels=[config.embed_dim] * config.depth,
            patch_size=config.patch_size,
            img_size=img_size,
            mean=mean,
            std=std,
            architecture=asdict(config),
            weights_file=weights_file,
            random_weights=weights_file is None,
            **options,
        )

    def layer_maps(self, pixels: Tensor) -> Sequence[Tensor]:
        """See :meth:`ntt.encoders.backbone.BackboneEncoder.layer_maps`."""
        maps = cast(Any, self.backbone).get_intermediate_layers(
            pixels, n=list(self.layers), reshape=True, return_class_token=False, norm=True
        )
        return [layer.permute(0, 2, 3, 1) for layer in maps]


def _clones_backbone(
    name: str, config: DINOv3Config, weights: str, repo_dir: str
) -> tuple[nn.Module, Path | None]:
    entry = entry_of(name, config)
    if weights == RANDOM:
        return load_from_clone(repo_dir, entry, None), None
    path = find_weights(weights, release_of(name, config))
    with torch.device("meta"):
        ours = DINOv3ViT(config)
    fitting_tensors(ours, path, name)  # reject a wrong or unsafe file before the clone opens it
    return load_from_clone(repo_dir, entry, path), path
