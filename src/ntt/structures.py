"""Inputs and outputs of a reference segmenter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Prompt:
    """Box or points from which a segmenter makes a mask, in image pixels.

    Attributes:
        box: ``x1 y1 x2 y2`` around the object, exclusive right and bottom; None if there is no box.
        points: ``x y label`` of each point; label 1 is on the object, 0 off the object.
    """

    box: tuple[float, float, float, float] | None = None
    points: tuple[tuple[float, float, int], ...] = ()


@dataclass(frozen=True)
class Reference:
    """One annotated instance of a class.

    Attributes:
        image: ``(3, H, W)`` float in [0, 1], RGB.
        mask: ``(H, W)`` bool, True on the object, never empty; None until it is made from the prompt.
        label: Index of the class in the list of class names.
        source: Origin for messages ("photo.jpg, annotation 12").
        prompt: Prompt of a pseudo mask; None for an annotated mask.
    """

    image: Tensor
    mask: Tensor | None
    label: int
    source: str = ""
    prompt: Prompt | None = None


@dataclass(frozen=True)
class Target:
    """One image to segment.

    Attributes:
        image: ``(3, H, W)`` float in [0, 1], RGB.
        image_id: Id in the annotation file.
        path: Image file.
    """

    image: Tensor
    image_id: int | str
    path: Path


@dataclass(frozen=True)
class Instances:
    """Detected instances of one image, highest score first.

    Attributes:
        masks: ``(N, H, W)`` bool at the size of the image.
        boxes: ``(N, 4)`` float, ``x1 y1 x2 y2`` in pixels, exclusive right and bottom.
        scores: ``(N,)`` float in [0, 1].
        labels: ``(N,)`` int64, indices into the class names.
    """

    masks: Tensor
    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, score: float) -> Self:
        """Return the instances with at least this score."""
        return self.subset(self.scores >= score)

    def subset(self, kept: Tensor) -> Self:
        """Select instances by index or by ``(N,)`` bool."""
        return replace(
            self,
            masks=self.masks[kept],
            boxes=self.boxes[kept],
            scores=self.scores[kept],
            labels=self.labels[kept],
        )

    @staticmethod
    def empty(height: int, width: int) -> Instances:
        """Return the result for an image without instances."""
        return Instances(
            masks=torch.zeros(0, height, width, dtype=torch.bool),
            boxes=torch.zeros(0, 4),
            scores=torch.zeros(0),
            labels=torch.zeros(0, dtype=torch.int64),
        )
