"""What goes into and comes out of a reference segmenter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Prompt:
    """Where an object is, for a segmenter to outline; in pixels of the picture.

    Attributes:
        box: ``x1 y1 x2 y2`` around the object, exclusive right and bottom; None without one.
        points: ``x y label`` each; label 1 is on the object, 0 beside it.
    """

    box: tuple[float, float, float, float] | None = None
    points: tuple[tuple[float, float, int], ...] = ()


@dataclass(frozen=True)
class Reference:
    """One example of a class.

    Attributes:
        image: ``(3, H, W)`` float in [0, 1], RGB.
        mask: ``(H, W)`` bool, True on the object, never empty; None where it is to be made of the prompt.
        label: index of the class in the list of class names.
        source: where it came from, for messages ("photo.jpg, annotation 12").
        prompt: what the mask is or was made of; None where it was drawn.
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
        image_id: id in the annotation file.
        path: file it was read from.
    """

    image: Tensor
    image_id: int | str
    path: Path


@dataclass(frozen=True)
class Instances:
    """Detected instances of one image, best first.

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
        """Those whose score is at least this."""
        return self.part(self.scores >= score)

    def part(self, kept: Tensor) -> Self:
        """Some of them: ``(N,)`` bool, or indices."""
        return replace(
            self,
            masks=self.masks[kept],
            boxes=self.boxes[kept],
            scores=self.scores[kept],
            labels=self.labels[kept],
        )

    @staticmethod
    def empty(height: int, width: int) -> Instances:
        """The result for an image with nothing to report."""
        return Instances(
            masks=torch.zeros(0, height, width, dtype=torch.bool),
            boxes=torch.zeros(0, 4),
            scores=torch.zeros(0),
            labels=torch.zeros(0, dtype=torch.int64),
        )
