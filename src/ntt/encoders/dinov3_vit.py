"""DINOv3 vision transformers, built on timm's ``Eva`` with the methods of Meta's release."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor

from ntt.encoders.configs import DINOv3Config
from ntt.optional import hidden

with hidden("wandb"):  # timm.utils imports it, which takes seconds
    from timm.layers import LayerNorm
    from timm.models.eva import Eva


class DINOv3ViT(Eva):
    """timm's transformer and weight names with the interface of Meta's ``DinoVisionTransformer``.

    Queries and values always have a bias; a checkpoint without one gets zeros. The key bias is fixed at zero.
    timm computes the rotary embedding in float32 with coordinates normalised separately per axis. The paper
    rescales them by up to 2 as a training augmentation, which inference does not need.

    Attributes:
        patch_size: side of a patch in pixels.
        n_blocks: number of transformer blocks.
        n_storage_tokens: number of learned tokens besides the class token.
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
            # Only selects timm's SwiGLU with separate matrices; mlp_ratio already sets the width.
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
        """Compute all tokens of the last layer.

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
        """Compute patch tokens of selected layers, in layer order.

        Args:
            x: ``(B, 3, H, W)`` normalised images.
            n: number of last layers, or layer indices from 0.
            reshape: return ``(B, C, h, w)`` instead of ``(B, h * w, C)``.
            return_class_token: return pairs of patch tokens and class tokens ``(B, C)``.
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
        """Return the class token ``(B, C)``, or the output of ``forward_features`` if ``is_training``."""
        features = self.forward_features(x)
        return features if is_training else features["x_norm_clstoken"]

    def _tokens(self, x: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Compute all tokens ``(B, N, C)`` after the given layers; later blocks are not run."""
        tokens, rope = self._pos_embed(self.patch_embed(x))
        outputs = []
        for number, block in enumerate(self.blocks[: max(layers) + 1]):
            tokens = block(tokens, rope=rope)
            if number in layers:
                outputs.append(tokens)
        return outputs
