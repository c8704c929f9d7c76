"""DINOv3 vision transformers on timm's ``Eva``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from timm.layers import LayerNorm
from timm.models.eva import Eva
from torch import Tensor

from dinov3.dinov3_utils import DINOV3_CONFIGS, DINOv3Config
from ntt.encoders.backbone import IMAGENET_MEAN, IMAGENET_STD, BackboneEncoder
from ntt.encoders.checkpoints import build_backbone
from ntt.encoders.names import look_up


def build_dinov3(config: DINOv3Config) -> Eva:
    """The randomly initialised transformer, on the default device, for any image size.

    Query and value always carry a bias: a checkpoint without one is a checkpoint with zeros. The key's bias
    is fixed at zero. timm computes the rotary embedding in float32, coordinates normalised separately per
    axis; the paper's rescaling by up to 2 is an augmentation of training and has no part here.
    """
    return Eva(
        patch_size=config.patch_size,
        num_classes=0,
        global_pool="",
        embed_dim=config.embed_dim,
        depth=config.depth,
        num_heads=config.num_heads,
        qkv_bias=True,
        mlp_ratio=config.ffn_hidden / config.embed_dim,
        swiglu_mlp=config.ffn_layer == "swiglu",
        # Only chooses timm's SwiGLU with separate matrices; the width is settled above.
        swiglu_align_to=config.ffn_align,
        init_values=1e-5,
        num_reg_tokens=config.n_storage_tokens,
        use_abs_pos_emb=False,
        use_rot_pos_emb=True,
        rope_type="dinov3",
        rope_temperature=config.rope_base,
        rope_rotate_half=True,
        use_fc_norm=False,
        dynamic_img_size=True,
        norm_layer=partial(LayerNorm, eps=1e-5),
    )


class DINOv3(BackboneEncoder):
    """DINOv3 patch features (Siméoni et al., arXiv 2508.10104).

    Args:
        name: a key of ``dinov3.dinov3_utils.DINOV3_CONFIGS``.
        img_size: side in pixels that images are resized to; a multiple of the patch size.
        weights: a checkpoint of any known layout, or ``random`` for an untrained initialisation.
        mean: per-channel mean of the images the weights were trained on.
        std: the same for the standard deviation (the satellite weights have their own pair).

    Raises:
        InputError: unknown name, unsuitable size, absent or unfitting weights.
    """

    backbone: Eva

    def __init__(
        self,
        name: str,
        img_size: int = 224,
        *,
        weights: str,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        config = look_up("DINOv3", DINOV3_CONFIGS, name)
        backbone, weights_file = build_backbone(
            partial(build_dinov3, config),
            weights,
            name=name,
            origin=config.origin,
            official=config.checkpoint,
            rehost=config.rehost,
            instead=config.instead,
        )
        super().__init__(
            name,
            backbone,
            embed_dim=config.embed_dim,
            patch_size=config.patch_size,
            img_size=img_size,
            mean=mean,
            std=std,
            architecture=asdict(config),
            weights_file=weights_file,
        )

    def forward(self, images: Tensor) -> Tensor:
        """See :meth:`ntt.encoders.base.Encoder.forward`."""
        tokens = self.backbone.forward_features(self.normalise(images))
        patches = tokens[:, self.backbone.num_prefix_tokens :]
        height, width = images.shape[-2] // self.patch_size, images.shape[-1] // self.patch_size
        return patches.unflatten(1, (height, width))
