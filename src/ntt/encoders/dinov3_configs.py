"""The one table of DINOv3 variants; a new variant is one more entry.

``dinov3.dinov3_utils`` offers it under the name that users of DINOv3 know. It lives here so that another
clone can take the place of the folder ``dinov3``.

Numbers: Siméoni et al., *DINOv3* (arXiv 2508.10104), and the published checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DINOv3Config:
    """One DINOv3 vision transformer.

    Attributes:
        embed_dim: channels C of a token.
        depth: number of blocks.
        num_heads: attention heads per block.
        ffn_layer: plain two-layer perceptron, or a gated one with SiLU (SwiGLU).
        ffn_ratio: nominal hidden width over ``embed_dim``. A SwiGLU has three matrices instead of two and
            therefore takes two thirds of it, rounded up to a multiple of ``ffn_align``.
        ffn_align: see ``ffn_ratio``; used by SwiGLU only.
        patch_size: side of a patch in pixels.
        n_storage_tokens: learned tokens beside the class token ("registers" in DINOv2).
        rope_base: base of the rotary position embedding's periods.
        entry: name of the function in ``hubconf.py`` that builds it, Meta's where Meta has one.
        origin: where weights come from; ``own`` for a variant of the user's.
        checkpoint: name of the file that Meta publishes, None where there is none.
        rehost: repository on the Hugging Face hub where timm re-hosts the same weights, in its own layout.
        instead: what to use where no weights were ever released.
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
        """Hugging Face repositories with the same weights: timm's open one, then Meta's gated one."""
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
    # Small enough to be trained on a CPU and committed; same code path as the published ones.
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
