"""Segmenter interface: predict masks and their IoU from an image and prompts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

MASK_LOGIT = 10.0  # logit of a mask prompt inside the mask; its negative outside


@dataclass(frozen=True)
class Prompts:
    """N prompts for the mask decoder.

    Attributes:
        points: ``(N, P, 2)`` float, ``x y`` in pixels of the segmenter's square input.
        labels: ``(N, P)`` int; 1 is foreground, 0 background, 2 and 3 the corners of a box.
        masks: ``(N, 1, m, m)`` float logits on the segmenter's mask grid; None without mask prompts.
    """

    points: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def __len__(self) -> int:
        return len(self.points)

    def some(self, kept: slice) -> Prompts:
        """Return a slice of the prompts."""
        masks = None if self.masks is None else self.masks[kept]
        return Prompts(self.points[kept], self.labels[kept], masks)


@dataclass(frozen=True)
class Proposals:
    """Mask proposals of one image.

    Attributes:
        logits: ``(N, m, m)`` float mask logits on a square grid over the image; > 0 is inside.
        iou: ``(N,)`` float, IoU predicted by the decoder for each mask.
        labels: ``(N,)`` int64, class of each proposal; -1 for any class. None if all proposals are for any
            class.
    """

    logits: Tensor
    iou: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.iou)


@dataclass(frozen=True)
class ImageEmbedding:
    """Output of the image encoder, shared by all prompts of the image.

    Attributes:
        features: ``(1, C, s, s)`` image embedding.
        high_res: feature maps of the finer levels, in the decoder's format.
    """

    features: Tensor
    high_res: tuple[Tensor, ...]


class Segmenter(nn.Module, ABC):
    """Frozen promptable segmenter.

    Attributes:
        name: variant name ("sam2.1_tiny").
        image_size: side in pixels of the square input to which images are resized.
        mask_size: side m of the low-resolution mask grid.
        fingerprint: hash of everything that affects the masks (architecture, weights, image size).
        box_prompts: whether the weights were trained on box prompts.
        mask_prompts: whether the weights were trained on mask prompts.
        video_memory: whether the weights were trained to track objects through video frames.
        random_weights: whether the weights are an untrained initialisation; results are then meaningless.
    """

    name: str
    image_size: int
    mask_size: int
    fingerprint: str
    box_prompts: bool = True
    mask_prompts: bool = True
    video_memory: bool = False
    random_weights: bool = False

    @abstractmethod
    def encode(self, image: Tensor) -> ImageEmbedding:
        """Encode ``(3, H, W)`` float in [0, 1], resized to the square input, ignoring the aspect ratio."""

    def encode_all(self, images: Sequence[Tensor]) -> list[ImageEmbedding]:
        """Encode B images ``(3, H, W)`` of any size, in one batch if the segmenter supports it."""
        return [self.encode(image) for image in images]

    @abstractmethod
    def decode(self, embedding: ImageEmbedding, prompts: Prompts, min_iou: float = -1.0) -> Proposals:
        """Predict one mask per prompt, the multi-mask output with the highest predicted IoU.

        Args:
            embedding: embedding of one image.
            prompts: N prompts.
            min_iou: masks with a predicted IoU not above this threshold are dropped before they are upscaled,
                which saves time.

        Returns:
            At most N masks, in the order of the prompts.
        """


def square_image(image: Tensor, side: int) -> Tensor:
    """Resize ``(3, H, W)`` to the square network input ``(3, side, side)``, ignoring the aspect ratio."""
    if image.shape[-2:] == (side, side):
        return image
    return F.interpolate(image[None], (side, side), mode="bilinear", align_corners=False, antialias=True)[0]
