"""Sizes and options of the published DINOv2 and DINOv3 encoders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class DINOv2Config:
    """Architecture and weights of one DINOv2 variant.

    Attributes:
        embed_dim: channels C of a token.
        depth: number of blocks.
        num_heads: attention heads per block.
        ffn_layer: plain two-layer perceptron (hidden width 4 C), or a gated one with SiLU (SwiGLU).
        patch_size: side of a patch in pixels.
        num_register_tokens: number of learned tokens besides the class token.
        position_grid: side of the learned grid of position embeddings, in patches.
        origin: source of the weights; ``own`` for a user-defined variant.
        checkpoint: name of the published weights file.
        folder: folder of the weights file below Meta's download URL.
    """

    embed_dim: int
    depth: int
    num_heads: int
    ffn_layer: Literal["mlp", "swiglu"] = "mlp"
    patch_size: int = 14
    num_register_tokens: int = 0
    position_grid: int = 37
    origin: Literal["published", "embedded", "own"] = "own"
    checkpoint: str | None = None
    folder: str | None = None

    @property
    def ffn_hidden(self) -> int:
        """Hidden width of the feed-forward layer; SwiGLU uses two thirds, rounded up to a multiple of 8."""
        hidden = 4 * self.embed_dim
        return hidden if self.ffn_layer == "mlp" else -(-(hidden * 2 // 3) // 8) * 8


_PUBLISHED = {
    "dinov2_small": DINOv2Config(embed_dim=384, depth=12, num_heads=6, folder="dinov2_vits14"),
    "dinov2_base": DINOv2Config(embed_dim=768, depth=12, num_heads=12, folder="dinov2_vitb14"),
    "dinov2_large": DINOv2Config(embed_dim=1024, depth=24, num_heads=16, folder="dinov2_vitl14"),
    "dinov2_giant": DINOv2Config(
        embed_dim=1536, depth=40, num_heads=24, ffn_layer="swiglu", folder="dinov2_vitg14"
    ),
}
DINOV2_CONFIGS: dict[str, DINOv2Config] = {
    # Small enough to train on a CPU and to commit; uses the same code path as the published variants.
    "dinov2_nano": DINOv2Config(
        embed_dim=192,
        depth=6,
        num_heads=3,
        position_grid=27,
        origin="embedded",
        checkpoint="dinov2_nano.safetensors",
    ),
    **{
        name: replace(config, origin="published", checkpoint=f"{config.folder}_pretrain.pth")
        for name, config in _PUBLISHED.items()
    },
    **{
        f"{name}_reg": replace(
            config, origin="published", num_register_tokens=4, checkpoint=f"{config.folder}_reg4_pretrain.pth"
        )
        for name, config in _PUBLISHED.items()
    },
}


@dataclass(frozen=True)
class DINOv3Config:
    """Architecture and weights of one DINOv3 variant.

    Attributes:
        embed_dim: channels C of a token.
        depth: number of blocks.
        num_heads: attention heads per block.
        ffn_layer: plain two-layer perceptron, or a gated one with SiLU (SwiGLU).
        ffn_ratio: nominal hidden width over ``embed_dim``. SwiGLU has three matrices instead of two and
            therefore uses two thirds of this width, rounded up to a multiple of ``ffn_align``.
        ffn_align: see ``ffn_ratio``; used by SwiGLU only.
        patch_size: side of a patch in pixels.
        n_storage_tokens: number of learned tokens besides the class token ("registers" in DINOv2).
        rope_base: base of the rotary position embedding's periods.
        entry: name of its builder in ``hubconf.py``, identical to Meta's if Meta has one.
        origin: source of the weights; ``own`` for a user-defined variant.
        checkpoint: name of Meta's published weights file; None if there is none.
        rehost: Hugging Face repository where timm re-hosts the same weights in its own layout.
        instead: variants to use instead if no weights were released.
    """

    embed_dim: int
    depth: int
    num_heads: int
    ffn_layer: Literal["mlp", "swiglu"] = "mlp"
    ffn_ratio: float = 4.0
    ffn_align: int = 8
    patch_size: int = 16
    n_storage_tokens: int = 4
    rope_base: float = 100.0
    entry: str | None = None
    origin: Literal["published", "embedded", "unreleased", "own"] = "own"
    checkpoint: str | None = None
    rehost: str | None = None
    instead: tuple[str, ...] = ()

    @property
    def repositories(self) -> tuple[str, ...]:
        """Hugging Face repositories of the weights: timm's open one, then Meta's gated one."""
        if not self.rehost or not self.checkpoint:
            return ()
        return (self.rehost, f"facebook/{self.checkpoint.rsplit('-', 1)[0].replace('_', '-')}")

    @property
    def ffn_hidden(self) -> int:
        """Hidden width of the feed-forward layer."""
        hidden = int(self.embed_dim * self.ffn_ratio)
        if self.ffn_layer == "mlp":
            return hidden
        two_thirds = hidden * 2 // 3
        return -(-two_thirds // self.ffn_align) * self.ffn_align


DINOV3_CONFIGS: dict[str, DINOv3Config] = {
    # Small enough to train on a CPU and to commit; uses the same code path as the published variants.
    "dinov3_nano": DINOv3Config(
        embed_dim=192,
        depth=6,
        num_heads=3,
        origin="embedded",
        checkpoint="dinov3_nano.safetensors",
    ),
    "dinov3_small": DINOv3Config(
        embed_dim=384,
        depth=12,
        num_heads=6,
        entry="dinov3_vits16",
        origin="published",
        checkpoint="dinov3_vits16_pretrain_lvd1689m-08c60483.pth",
        rehost="timm/vit_small_patch16_dinov3.lvd1689m",
    ),
    "dinov3_small_plus": DINOv3Config(
        embed_dim=384,
        depth=12,
        num_heads=6,
        ffn_layer="swiglu",
        ffn_ratio=6.0,
        entry="dinov3_vits16plus",
        origin="published",
        checkpoint="dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth",
        rehost="timm/vit_small_plus_patch16_dinov3.lvd1689m",
    ),
    "dinov3_base": DINOv3Config(
        embed_dim=768,
        depth=12,
        num_heads=12,
        entry="dinov3_vitb16",
        origin="published",
        checkpoint="dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth",
        rehost="timm/vit_base_patch16_dinov3.lvd1689m",
    ),
    "dinov3_large": DINOv3Config(
        embed_dim=1024,
        depth=24,
        num_heads=16,
        entry="dinov3_vitl16",
        origin="published",
        checkpoint="dinov3_vitl16_pretrain_lvd1689m-8aa4cbdd.pth",
        rehost="timm/vit_large_patch16_dinov3.lvd1689m",
    ),
    "dinov3_large_plus": DINOv3Config(
        embed_dim=1024,
        depth=24,
        num_heads=16,
        ffn_layer="swiglu",
        ffn_ratio=6.0,
        entry="dinov3_vitl16plus",
        origin="unreleased",
        instead=("dinov3_large", "dinov3_huge_plus"),
    ),
    "dinov3_huge_plus": DINOv3Config(
        embed_dim=1280,
        depth=32,
        num_heads=20,
        ffn_layer="swiglu",
        ffn_ratio=6.0,
        entry="dinov3_vith16plus",
        origin="published",
        checkpoint="dinov3_vith16plus_pretrain_lvd1689m-7c1da9a5.pth",
        rehost="timm/vit_huge_plus_patch16_dinov3.lvd1689m",
    ),
    "dinov3_giant": DINOv3Config(
        embed_dim=1536,
        depth=40,
        num_heads=24,
        entry="dinov3_vitg16",
        origin="unreleased",
        instead=("dinov3_huge_plus", "dinov3_7b"),
    ),
    "dinov3_7b": DINOv3Config(
        embed_dim=4096,
        depth=40,
        num_heads=32,
        ffn_layer="swiglu",
        ffn_ratio=3.0,
        ffn_align=64,
        entry="dinov3_vit7b16",
        origin="published",
        checkpoint="dinov3_vit7b16_pretrain_lvd1689m-a955f4ea.pth",
        rehost="timm/vit_7b_patch16_dinov3.lvd1689m",
    ),
}
