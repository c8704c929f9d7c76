"""Colour-based mask refinement with GrabCut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import cv2
import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor

from ntt.options import AtLeastOne, NotNegative, Share, checked
from ntt.refinement.base import CleanUp, Mask, with_masks
from ntt.segmenters.base import ImageEmbedding, Segmenter
from ntt.structures import Instances

LEAST_PIXELS = 10  # minimum number of sure foreground and background pixels to fit the colour models
DEEPEST = 0.6  # pixels deeper than this share of the mask's depth are foreground, regardless of the band


class GrabCut:
    """Refine each mask with OpenCV's GrabCut (Rother et al., SIGGRAPH 2004) in a band around its outline.

    Pixels deep inside the mask are foreground; pixels far outside it or deep inside another instance are
    background. Colour models decide the pixels in between. GrabCut runs on a crop around the instance, shrunk
    to ``side`` pixels, so its cost does not depend on the image size.

    Args:
        band: total width of the band around the outline, as a share of the square root of the mask's area;
            half of it lies on each side.
        context: margin of the crop around the mask's box, in the same unit.
        side: longer side of the crop in pixels.
        iterations: number of GrabCut iterations.
        min_overlap: a new mask whose IoU with the old one is below this threshold is discarded, in [0, 1].
        clean_up: clean-up of the refined mask.

    Raises:
        InputError: an option is out of range.
    """

    needs_segmenter = False

    @checked
    def __init__(
        self,
        band: NotNegative,
        context: NotNegative,
        side: Annotated[int, Ge(16)],
        iterations: AtLeastOne,
        min_overlap: Share,
        clean_up: CleanUp | None = None,
    ) -> None:
        self.band, self.context, self.side, self.iterations = band, context, side, iterations
        self.min_overlap = min_overlap
        self.clean_up = clean_up or CleanUp()

    def __call__(
        self, image: Tensor, found: Instances, segmenter: Segmenter, embedding: ImageEmbedding | None
    ) -> Instances:
        """See :class:`ntt.refinement.Refiner`."""
        if not len(found):
            return found
        masks = found.masks.clone()
        for index in range(len(found)):
            window = _window(found.boxes[index], self.context * float(found.masks[index].sum()) ** 0.5, image)
            crop = _crop(image, found, index, window, self.side)
            refined = cv2.resize(
                self.clean_up(self._refined(crop)).astype(np.float32),
                (window.right - window.left, window.bottom - window.top),
                interpolation=cv2.INTER_LINEAR,
            )
            rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
            masks[index, rows, columns] = torch.from_numpy(refined > 0.5)
        return with_masks(found, masks)

    def _refined(self, crop: _Crop) -> Mask:
        labels = self._labels(crop)
        sure = min((labels == cv2.GC_FGD).sum(), (labels == cv2.GC_BGD).sum())
        if sure < LEAST_PIXELS:
            return crop.mask
        cv2.setRNGSeed(0)  # GrabCut initialises its colour models randomly
        models = np.zeros((1, 65)), np.zeros((1, 65))
        everywhere: Any = None  # GrabCut's rectangle argument, unused with a mask
        cv2.grabCut(crop.pixels, labels, everywhere, *models, self.iterations, cv2.GC_INIT_WITH_MASK)
        refined: Mask = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        overlap = (refined & crop.mask).sum() / max(1, (refined | crop.mask).sum())
        return refined if overlap >= self.min_overlap else crop.mask

    def _labels(self, crop: _Crop) -> NDArray[np.uint8]:
        """Compute GrabCut's initial label of each pixel."""
        width = self.band * float(crop.mask.sum()) ** 0.5 / 2
        inside, outside = _depth(crop.mask), _depth(~crop.mask)
        labels = np.where(crop.mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        labels[inside > min(width, DEEPEST * inside.max())] = cv2.GC_FGD
        labels[outside > width] = cv2.GC_BGD
        others = crop.others & ~crop.mask
        if others.any():
            depth = _depth(others)
            labels[depth > min(width, DEEPEST * depth.max()) / 2] = cv2.GC_BGD
        return labels


@dataclass(frozen=True)
class _Window:
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class _Crop:
    """Pixels ``(h, w, 3)`` uint8, mask ``(h, w)`` of the instance, and union of the others' masks."""

    pixels: NDArray[np.uint8]
    mask: Mask
    others: Mask


def _window(box: Tensor, margin: float, image: Tensor) -> _Window:
    height, width = image.shape[-2:]
    x1, y1, x2, y2 = box.tolist()
    return _Window(
        left=max(0, int(x1 - margin)),
        top=max(0, int(y1 - margin)),
        right=min(width, int(x2 + margin) + 1),
        bottom=min(height, int(y2 + margin) + 1),
    )


def _crop(image: Tensor, found: Instances, index: int, window: _Window, side: int) -> _Crop:
    rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
    pixels = (image[:, rows, columns].permute(1, 2, 0) * 255).round().byte().numpy(force=True)
    scale = min(1.0, side / max(pixels.shape[:2]))
    size = tuple(max(1, round(length * scale)) for length in pixels.shape[1::-1])

    def shrunk(mask: Tensor) -> Mask:
        cropped = mask[rows, columns].numpy(force=True).astype(np.uint8) * 255
        return np.asarray(cv2.resize(cropped, size, interpolation=cv2.INTER_AREA)) > 127

    others = np.zeros(size[::-1], dtype=bool)
    for other in _near(found, index, window):
        others |= shrunk(found.masks[other])
    small = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    return _Crop(np.asarray(small, np.uint8), shrunk(found.masks[index]), others)


def _near(found: Instances, index: int, window: _Window) -> list[int]:
    """Find other instances whose boxes intersect the window."""
    x1, y1, x2, y2 = found.boxes.unbind(dim=1)
    near = (x1 < window.right) & (x2 > window.left) & (y1 < window.bottom) & (y2 > window.top)
    near[index] = False
    return torch.nonzero(near)[:, 0].tolist()


def _depth(mask: Mask) -> NDArray[np.float32]:
    """Compute each pixel's distance ``(h, w)`` to the mask's outside; the image border is not outside."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5), np.float32)
