"""Table of DINOv2 variants. To add a variant, add an entry to ``DINOV2_CONFIGS``.

Sources: Oquab et al., *DINOv2* (arXiv 2304.07193); Darcet et al., *Vision Transformers Need Registers*
(arXiv 2309.16588) for the ``_reg`` variants; and the published checkpoints.
"""

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
