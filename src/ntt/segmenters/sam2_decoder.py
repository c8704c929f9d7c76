"""SAM 2's mask decoder, optimised for many prompts on one image.

It uses the same weights and gives the same result as the package's ``MaskDecoder`` (arXiv 2408.00714,
section 4), which repeats the image for every prompt and upscales four masks per prompt. This version

- keeps tensors that only depend on the image at batch size 1, up to the end of the first layer;
- computes the predicted IoU from the tokens first, and upscales only the best mask of each prompt that
  passes;
- applies the attention projections to the few tokens instead of the many pixels;
- keeps pixels as rows and channels as columns throughout. A transposed convolution with stride 2 is then a
  matrix product, and only the final masks are copied to another layout.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.precision import as_given
from ntt.segmenters.base import ImageEmbedding

# Token order: object score, predicted IoU, single mask, three multi-masks, then the prompt tokens.
IOU_TOKEN = 1
FIRST_MASK_TOKEN = 2


def decode_best(
    sam: Any, embedding: ImageEmbedding, sparse: Tensor, dense: Tensor, min_iou: float
) -> tuple[Tensor, Tensor]:
    """Compute the best multi-mask output of each prompt whose predicted IoU is above ``min_iou``.

    Args:
        sam: the package's ``SAM2Base``.
        embedding: embedding of one image.
        sparse: ``(N, P, C)`` prompt tokens of the package's prompt encoder.
        dense: ``(N, C, s, s)`` embedding of mask prompts, added to the pixels; ``(1, C, 1, 1)`` without mask
            prompts.
        min_iou: masks with a predicted IoU not above this threshold are dropped.

    Returns:
        Logits ``(n, m, m)`` and predicted IoU ``(n,)`` with n <= N, in the order of the prompts.
    """
    decoder = sam.sam_mask_decoder
    own = [decoder.obj_score_token.weight, decoder.iou_token.weight, decoder.mask_tokens.weight]
    tokens = torch.cat([torch.cat(own).expand(len(sparse), -1, -1), sparse], dim=1)
    position = _rows(sam.sam_prompt_encoder.get_dense_pe())
    tokens, pixels = _two_way(decoder.transformer, _rows(embedding.features) + _rows(dense), position, tokens)

    with as_given(tokens.device):
        ious = decoder.iou_prediction_head(tokens[:, IOU_TOKEN].float())[:, 1:]
    iou, best = ious.max(dim=1)
    kept = torch.nonzero(iou > min_iou)[:, 0]
    drawn = [
        mlp(tokens[kept, FIRST_MASK_TOKEN + index])
        for index, mlp in enumerate(decoder.output_hypernetworks_mlps)
    ]
    weights = torch.stack(drawn, dim=1)[torch.arange(len(kept), device=kept.device), best[kept] + 1]
    return _draw(decoder, pixels[kept], weights, embedding.high_res), iou[kept]


def bytes_per_prompt(decoder: Any, side: int) -> int:
    """Estimate the peak memory for decoding one prompt, in bytes.

    The peak occurs while upscaling and equals eight float32 maps of the size of the pixels ``(side * side,
    C)``: the pixels, their children (same size), the grandchildren (twice the size) before and after the
    activation, and one product.
    """
    return 8 * 4 * side * side * int(decoder.transformer_dim)


def _two_way(transformer: Any, image: Tensor, position: Tensor, prompt: Tensor) -> tuple[Tensor, Tensor]:
    """Run two-way attention between tokens ``(N, T, C)`` and pixels ``(1 or N, s * s, C)``.

    Returns:
        Tokens ``(N, T, C)`` and pixels ``(N, s * s, C)``.
    """
    tokens, pixels = prompt, image
    for layer in transformer.layers:
        if layer.skip_first_layer_pe:
            tokens = layer.norm1(layer.self_attn(tokens, tokens, tokens))
        else:
            placed = tokens + prompt
            tokens = layer.norm1(tokens + layer.self_attn(placed, placed, tokens))
        read = layer.cross_attn_token_to_image
        tokens = layer.norm2(tokens + _read_pixels(read, tokens + prompt, pixels, position))
        tokens = layer.norm3(tokens + layer.mlp(tokens))
        write = layer.cross_attn_image_to_token
        pixels = layer.norm4(pixels + _write_pixels(write, tokens + prompt, tokens, pixels, position))
    final = transformer.final_attn_token_to_image
    tokens = transformer.norm_final_attn(tokens + _read_pixels(final, tokens + prompt, pixels, position))
    return tokens, pixels


def _read_pixels(attention: Any, queries: Tensor, pixels: Tensor, position: Tensor) -> Tensor:
    """Compute attention of tokens ``(N, T, C)`` to pixels ``(1 or N, P, C)``: ``(N, T, C)``."""
    rows = _heads(attention, attention.q_proj(queries))
    shares = _dot_products(attention, rows, attention.k_proj, pixels, position).softmax(dim=3)
    if len(pixels) == 1:
        read = shares @ _heads(attention, attention.v_proj(pixels))
    else:  # the projection is linear: project the mean instead of every pixel
        means = (shares.flatten(1, 2) @ pixels).unflatten(1, shares.shape[1:3])
        weight = attention.v_proj.weight.unflatten(0, (attention.num_heads, -1))
        read = means @ weight.mT + _heads(attention, attention.v_proj.bias[None, None])
    joined: Tensor = attention.out_proj(read.transpose(1, 2).flatten(2))
    return joined


def _write_pixels(attention: Any, keys: Tensor, values: Tensor, pixels: Tensor, position: Tensor) -> Tensor:
    """Compute attention of pixels ``(1 or N, P, C)`` to tokens ``(N, T, C)``: ``(N, P, C)``."""
    rows = _heads(attention, attention.k_proj(keys))
    shares = _dot_products(attention, rows, attention.q_proj, pixels, position).softmax(dim=2)
    # Project the value of each token and head once, instead of at every pixel that receives it.
    weight = attention.out_proj.weight.T.unflatten(0, (attention.num_heads, -1))
    written = (_heads(attention, attention.v_proj(values)) @ weight).flatten(1, 2)
    return torch.baddbmm(attention.out_proj.bias, shares.flatten(1, 2).mT, written)


def _dot_products(attention: Any, rows: Tensor, linear: Any, pixels: Tensor, position: Tensor) -> Tensor:
    """Compute scaled products of rows ``(N, heads, T, D)`` and projected pixels: ``(N, heads, T, P)``.

    Pixels shared by all prompts are projected once. Pixels of individual prompts are not projected: tokens
    are much fewer, so the projection is applied to them instead, ``row (W x) = (row W) x``.
    """
    rows = rows * rows.shape[-1] ** -0.5
    if len(pixels) == 1:
        return rows @ _heads(attention, linear(pixels + position)).mT
    placed = rows @ _heads(attention, linear(position)).mT
    carried = rows @ linear.weight.unflatten(0, (attention.num_heads, -1))
    products = torch.baddbmm(placed.flatten(1, 2), carried.flatten(1, 2), pixels.mT)
    return products.unflatten(1, placed.shape[1:3])


def _heads(attention: Any, rows: Tensor) -> Tensor:
    """Split ``(N, length, heads * D)`` into heads: ``(N, heads, length, D)``."""
    return rows.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)


def _draw(decoder: Any, pixels: Tensor, weights: Tensor, high_res: tuple[Tensor, ...]) -> Tensor:
    """Upscale pixels ``(n, s * s, C)`` by 4 and weight their channels by ``(n, C / 8)``: ``(n, 4s, 4s)``."""
    fine, middle = high_res
    side = middle.shape[-1] // 2
    first, norm, _, second, _ = decoder.output_upscaling
    children = _grow(first, pixels) + _children(middle, side)
    children = F.gelu(F.layer_norm(children, norm.weight.shape, norm.weight, norm.bias, norm.eps))
    grandchildren = F.gelu(_grow(second, children) + _grandchildren(fine, side))
    logits = grandchildren.flatten(1, -2) @ weights[:, :, None]
    # Reorder from (row, column) of pixel, child and grandchild to image rows and columns.
    logits = logits.view(-1, side, side, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
    return logits.reshape(-1, 4 * side, 4 * side)


def _grow(convolution: Any, pixels: Tensor) -> Tensor:
    """Apply a transposed convolution, kernel and stride 2: ``(..., C)`` to four children ``(..., 4, D)``."""
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2)
    return F.linear(pixels, weight, convolution.bias.repeat(4)).unflatten(-1, (4, -1))


def _rows(level: Tensor) -> Tensor:
    """Flatten ``(N, C, s, s)`` to ``(N, s * s, C)``."""
    return level.flatten(2).transpose(1, 2)


def _children(level: Tensor, side: int) -> Tensor:
    """Reorder a map ``(1, C, 2s, 2s)`` like the output of ``_grow``: ``(1, s * s, 4, C)``."""
    split = level[0].view(-1, side, 2, side, 2).permute(1, 3, 2, 4, 0)
    return split.reshape(1, side * side, 4, -1)


def _grandchildren(level: Tensor, side: int) -> Tensor:
    """Reorder a map ``(1, C, 4s, 4s)`` like two applications of ``_grow``: ``(1, s * s, 4, 4, C)``."""
    split = level[0].view(-1, side, 2, 2, side, 2, 2).permute(1, 4, 2, 5, 3, 6, 0)
    return split.reshape(1, side * side, 4, 4, -1)
