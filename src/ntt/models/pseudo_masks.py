"""Pseudo masks from boxes and points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ntt.matching.ops import resize_masks
from ntt.segmenters.base import ImageEmbedding, Prompts, Segmenter
from ntt.structures import Prompt

CORNERS = (2, 3)  # labels of the upper left and lower right box corner


def segment_prompts(segmenter: Segmenter, image: Tensor, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
    """Predict the mask of each prompt on one image, which is encoded once.

    Masks are clipped to their boxes. A segmenter that was not trained on boxes is prompted with the points,
    or with the centre of the box if there is no foreground point.

    Args:
        segmenter: segmenter to prompt.
        image: ``(3, H, W)`` float in [0, 1].
        prompts: N prompts.

    Returns:
        Masks ``(N, H, W)`` bool, possibly empty, and predicted IoU ``(N,)``; on the CPU.
    """
    height, width = image.shape[-2:]
    embedding = segmenter.encode(image)
    masks, ious = [torch.zeros(0, height, width, dtype=torch.bool)], [torch.zeros(0)]
    for prompt in prompts:
        mask, iou = segment_prompt(segmenter, embedding, prompt, height, width)
        masks.append(mask[None])
        ious.append(iou[None])
    return torch.cat(masks), torch.cat(ious)


@torch.no_grad()
def segment_prompt(
    segmenter: Segmenter, embedding: ImageEmbedding, prompt: Prompt, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Predict the mask of a prompt on an encoded image of ``height`` x ``width`` pixels.

    See ``segment_prompts``.

    Returns:
        Mask ``(height, width)`` bool, possibly empty, and predicted IoU ``()``; on the CPU.
    """
    scale = torch.tensor([segmenter.image_size / width, segmenter.image_size / height])
    usable = prompt if segmenter.box_prompts else _pointed(prompt)
    decoded = segmenter.decode(embedding, _as_prompts(usable, scale))
    mask = resize_masks(decoded.logits, height, width)[0].cpu()
    inside = mask if prompt.box is None else mask & _inside(prompt.box, height, width)
    return inside, decoded.iou[0].cpu()


def _pointed(prompt: Prompt) -> Prompt:
    """Remove the box of a prompt; use its centre as a point if there is no foreground point."""
    if prompt.box is None or any(label for _, _, label in prompt.points):
        return Prompt(points=prompt.points)
    x1, y1, x2, y2 = prompt.box
    return Prompt(points=(((x1 + x2) / 2, (y1 + y2) / 2, 1), *prompt.points))


def _as_prompts(prompt: Prompt, scale: Tensor) -> Prompts:
    """Convert a prompt to box corners, then points, ``(1, P, 2)`` in pixels of the segmenter's square."""
    corners = [] if prompt.box is None else [prompt.box[:2], prompt.box[2:]]
    points = torch.tensor([*corners, *(point[:2] for point in prompt.points)]) * scale
    labels = [*CORNERS[: len(corners)], *(label for _, _, label in prompt.points)]
    return Prompts(points[None], torch.tensor([labels], dtype=torch.int32))


def _inside(box: tuple[float, float, float, float], height: int, width: int) -> Tensor:
    """Return ``(height, width)`` bool, True for all pixels that intersect the box."""
    x1, y1, x2, y2 = box
    inside = torch.zeros(height, width, dtype=torch.bool)
    inside[max(math.floor(y1), 0) : math.ceil(y2), max(math.floor(x1), 0) : math.ceil(x2)] = True
    return inside
