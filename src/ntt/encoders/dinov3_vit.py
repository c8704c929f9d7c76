"""DINOv3 vision transformers on timm's ``Eva``, with the methods of Meta's release."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from timm.layers import LayerNorm
from timm.models.eva import Eva
from torch import Tensor

from ntt.encoders.dinov3_configs import DINOv3Config


class DINOv3ViT(Eva):
    """timm's transformer, and its weights' names, behind the interface of Meta's ``DinoVisionTransformer``.

    Query and value always carry a bias: a checkpoint without one is a checkpoint with zeros. The key's bias
    is fixed at zero. timm computes the rotary embedding in float32, coordinates normalised separately per
    axis; the paper's rescaling by up to 2 is an augmentation of training and has no part here.

    Attributes:
        patch_size: side of a patch in pixels.
        n_blocks: number of transformer blocks.
        n_storage_tokens: learned tokens beside the class token.
    """

    def __init__(self, config: DINOv3Config) -> None:
        super().__init__(
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
        self.patch_size = config.patch_size
        self.n_blocks = config.depth
        self.n_storage_tokens = config.n_storage_tokens

    def forward_features(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Every token of the last layer.

        Args:
            x: ``(B, 3, H, W)`` normalised images.

        Returns:
            ``x_norm_clstoken`` ``(B, C)``, ``x_storage_tokens`` ``(B, S, C)`` and ``x_norm_patchtokens``
            ``(B, h * w, C)``, all after the last norm, and ``x_prenorm`` ``(B, 1 + S + h * w, C)`` before it.
        """
        (tokens,) = self._tokens(x, [self.n_blocks - 1])
        normed = self.norm(tokens)
        return {
            "x_norm_clstoken": normed[:, 0],
            "x_storage_tokens": normed[:, 1 : self.num_prefix_tokens],
            "x_norm_patchtokens": normed[:, self.num_prefix_tokens :],
            "x_prenorm": tokens,
        }

    def get_intermediate_layers(
        self,
        x: Tensor,
        n: int | Sequence[int] = 1,
        reshape: bool = False,
        return_class_token: bool = False,
        norm: bool = True,
    ) -> tuple[Any, ...]:
        """Patch tokens of some layers, in the order of the layers.

        Args:
            x: ``(B, 3, H, W)`` normalised images.
            n: so many last layers, or the layers' numbers, from 0.
            reshape: give ``(B, C, h, w)`` instead of ``(B, h * w, C)``.
            return_class_token: give pairs with the class tokens ``(B, C)``.
            norm: apply the last norm to every layer.
        """
        layers = range(self.n_blocks - n, self.n_blocks) if isinstance(n, int) else n
        outputs = self._tokens(x, layers)
        if norm:
            outputs = [self.norm(tokens) for tokens in outputs]
        patches = [tokens[:, self.num_prefix_tokens :] for tokens in outputs]
        if reshape:
            height, width = x.shape[-2] // self.patch_size, x.shape[-1] // self.patch_size
            patches = [tokens.mT.unflatten(2, (height, width)) for tokens in patches]
        if not return_class_token:
            return tuple(patches)
        return tuple(zip(patches, (tokens[:, 0] for tokens in outputs), strict=True))

    def forward(self, x: Tensor, is_training: bool = False) -> Any:  # type: ignore[override]
        """The class token ``(B, C)``, or what ``forward_features`` gives if ``is_training``."""
        features = self.forward_features(x)
        return features if is_training else features["x_norm_clstoken"]

    def _tokens(self, x: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """All tokens ``(B, N, C)`` after the given layers; blocks past the last of them are not run."""
        tokens, rope = self._pos_embed(self.patch_embed(x))
        outputs = []
        for number, block in enumerate(self.blocks[: max(layers) + 1]):
            tokens = block(tokens, rope=rope)
            if number in layers:
                outputs.append(tokens)
        return outputs
