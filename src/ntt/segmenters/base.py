"""The contract of every segmenter: image and prompts become masks with a predicted IoU."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

MASK_LOGIT = 10.0  # of a mask prompt inside the mask; minus that outside


@dataclass(frozen=True)
class Prompts:
    """N prompts for the mask decoder.

    Attributes:
        points: ``(N, P, 2)`` float, ``x y`` in pixels of the segmenter's square input.
        labels: ``(N, P)`` int; 1 is foreground, 0 background, 2 and 3 the corners of a box.
        masks: ``(N, 1, m, m)`` float logits on the grid of the segmenter's masks; None without mask prompts.
    """

    points: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def __len__(self) -> int:
        return len(self.points)

    def some(self, kept: slice) -> Prompts:
        """A slice of them."""
        masks = None if self.masks is None else self.masks[kept]
        return Prompts(self.points[kept], self.labels[kept], masks)


@dataclass(frozen=True)
class Proposals:
    """Mask proposals of one image.

    Attributes:
        logits: ``(N, m, m)`` float mask logits on a square grid over the image; > 0 is inside.
        iou: ``(N,)`` float, the IoU that the decoder predicts for each mask.
        labels: ``(N,)`` int64, the class that a mask was proposed for; -1 for any. None if all are for any.
    """

    logits: Tensor
    iou: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.iou)


@dataclass(frozen=True)
class ImageEmbedding:
    """What the image encoder computes once and every prompt of the image shares.

    Attributes:
        features: ``(1, C, s, s)`` image embedding.
        high_res: feature maps of the finer levels, as the decoder wants them.
    """

    features: Tensor
    high_res: tuple[Tensor, ...]


class Segmenter(nn.Module, ABC):
    """Frozen promptable segmenter.

    Attributes:
        name: the variant's name ("sam2.1_tiny").
        image_size: side in pixels of the square that images are resized to.
        mask_size: side m of the low-resolution mask grid.
        fingerprint: changes whenever the masks would (architecture, weights, image size).
        box_prompts: whether it was trained on boxes.
        mask_prompts: whether it was trained on masks as prompts.
        video_memory: whether it has learnt to follow objects through frames.
        random_weights: whether it is an untrained initialisation, whose figures mean nothing.
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
        """Encode ``(3, H, W)`` float in [0, 1], resized to the square whatever its aspect ratio."""

    def encode_all(self, images: Sequence[Tensor]) -> list[ImageEmbedding]:
        """Encode B images ``(3, H, W)`` of any size, in one batch where the segmenter can."""
        return [self.encode(image) for image in images]

    @abstractmethod
    def decode(self, embedding: ImageEmbedding, prompts: Prompts, min_iou: float = -1.0) -> Proposals:
        """Answer prompts with the best of the three multi-mask outputs by predicted IoU.

        Args:
            embedding: of one image.
            prompts: N of them.
            min_iou: an answer whose predicted IoU is not above this is left out, and costs less.

        Returns:
            At most N answers, in the order of the prompts.
        """


def square_image(image: Tensor, side: int) -> Tensor:
    """Resize ``(3, H, W)`` to ``(3, side, side)``, whatever its aspect ratio, as networks see images."""
    if image.shape[-2:] == (side, side):
        return image
    return F.interpolate(image[None], (side, side), mode="bilinear", align_corners=False, antialias=True)[0]
