"""DINOv2 vision transformers, built on timm's ``VisionTransformer``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ntt.encoders.backbone import IMAGENET_MEAN, IMAGENET_STD, BackboneEncoder
from ntt.encoders.checkpoints import build_backbone, look_up
from ntt.encoders.configs import DINOV2_CONFIGS, DINOv2Config
from ntt.encoders.features import FeatureOptions, float_type
from ntt.encoders.weights import Release
from ntt.optional import hidden
from ntt.options import AtLeastOne

with hidden("wandb"):  # timm.utils imports it, which takes seconds
    from timm.layers import SwiGLUPacked
    from timm.layers.mlp import Mlp
    from timm.models.vision_transformer import VisionTransformer

# The hidden width of timm's packed SwiGLU includes both halves of its first matrix.
_FFN: dict[str, tuple[Any, type[nn.Module], int]] = {
    "mlp": (Mlp, nn.GELU, 1),
    "swiglu": (SwiGLUPacked, nn.SiLU, 2),
}


def build_dinov2(config: DINOv2Config) -> VisionTransformer:
    """Build a randomly initialised transformer on the default device, for any image size."""
    mlp_layer, act_layer, halves = _FFN[config.ffn_layer]
    return VisionTransformer(
        img_size=config.position_grid * config.patch_size,
        patch_size=config.patch_size,
        num_classes=0,
        global_pool="",
        embed_dim=config.embed_dim,
        depth=config.depth,
        num_heads=config.num_heads,
        mlp_ratio=halves * config.ffn_hidden / config.embed_dim,
        mlp_layer=mlp_layer,
        act_layer=act_layer,
        init_values=1e-5,
        reg_tokens=config.num_register_tokens,
        # With registers, timm adds the position embedding of the class token to the token itself.
        no_embed_class=config.num_register_tokens > 0,
        dynamic_img_size=True,
    )


class DINOv2(BackboneEncoder):
    """DINOv2 patch features (Oquab et al., arXiv 2304.07193).

    Args:
        name: a key of ``ntt.encoders.configs.DINOV2_CONFIGS``.
        img_size: side in pixels of the square input, a multiple of the patch size; images are resized to it.
        weights: a checkpoint of any known layout, or ``random`` for an untrained initialisation.
        **options: see :class:`ntt.encoders.features.FeatureOptions`.

    Raises:
        InputError: unknown name, invalid image size or options, missing or mismatched weights.
    """

    backbone: VisionTransformer

    def __init__(
        self, name: str, img_size: AtLeastOne = 224, *, weights: str, **options: Unpack[FeatureOptions]
    ) -> None:
        config = look_up("DINOv2", DINOV2_CONFIGS, name)
        release = Release(name, config.origin, config.checkpoint)
        backbone, weights_file = build_backbone(
            partial(build_dinov2, config), weights, release, float_type(options)
        )
        super().__init__(
            name,
            backbone,
            channels=[config.embed_dim] * config.depth,
            patch_size=config.patch_size,
            img_size=img_size,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            architecture=asdict(config),
            weights_file=weights_file,
            random_weights=weights_file is None,
            **options,
        )
        self.config = config

    def layer_maps(self, pixels: Tensor) -> Sequence[Tensor]:
        """See :meth:`ntt.encoders.backbone.BackboneEncoder.layer_maps`."""
        backbone = self.backbone
        assert backbone.cls_token is not None
        patches = backbone.patch_embed(pixels)  # (B, h, w, C)
        height, width = patches.shape[1:3]
        class_position, positions = self._positions(height, width)
        prefix = [backbone.cls_token + class_position]
        if backbone.reg_token is not None:
            prefix.append(backbone.reg_token)
        tokens = torch.cat(
            [*(p.expand(len(patches), -1, -1) for p in prefix), (patches + positions).flatten(1, 2)], dim=1
        )
        maps = []
        for number, block in enumerate(backbone.blocks[: self.layers[-1] + 1]):
            tokens = block(tokens)
            if number in self.layers:
                patches = backbone.norm(tokens)[:, backbone.num_prefix_tokens :]
                maps.append(patches.unflatten(1, (height, width)))
        return maps

    def _positions(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return position embeddings of the class token ``(1, 1, C)`` and of the patches ``(1, h, w, C)``.

        The embedding of the class token is zero if timm has added it to the token.

        Patch embeddings are resized bicubically to the grid, as in transformers: with antialiasing for
        variants with registers, without it for the others (timm always antialiases). Meta's code does the
        same with registers. Without them, it scales by ``(size + 0.1) / 37``, which shifts samples by up to a
        quarter of a cell at 224 pixels and not at all at 518. This implementation omits that offset.
        """
        grid = self.config.position_grid
        embedding = self.backbone.pos_embed
        assert embedding is not None
        class_position, positions = embedding.split([embedding.shape[1] - grid * grid, grid * grid], dim=1)
        positions = positions.unflatten(1, (grid, grid))
        if (height, width) != (grid, grid):
            positions = F.interpolate(
                positions.permute(0, 3, 1, 2).float(),
                size=(height, width),
                mode="bicubic",
                antialias=self.config.num_register_tokens > 0,
            ).permute(0, 2, 3, 1)
        return class_position.sum(dim=1, keepdim=True), positions.to(embedding.dtype)
