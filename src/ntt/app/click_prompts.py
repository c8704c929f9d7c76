"""Click prompts on the open reference image, and their drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import supervision as sv
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ntt.app.models import Models
from ntt.errors import InputError
from ntt.segmenters import ImageEmbedding
from ntt.structures import Prompt
from ntt.visualization.canvas import Pixels

Click = tuple[float, float, int]  # x, y in pixels; 1 for the object, 0 for background
COLOUR = sv.Color(255, 0, 180)  # a colour that few objects have
ON_OBJECT, BESIDE = (0, 170, 80), (215, 30, 30)
THUMBNAIL = 240  # pixels
MARGIN = 0.25  # around an object, as a share of its longer side


@dataclass
class ClickPrompts:
    """Clicks on an image and the masks predicted from them.

    Attributes:
        name: file name.
        pixels: ``(H, W, 3)`` uint8.
        embedding: image embedding of the segmenter, computed once so that clicks are fast.
        clicks: clicks so far.
        masks: ``(H, W)`` bool mask after each click, for undo.
    """

    name: str
    pixels: Pixels
    embedding: ImageEmbedding
    clicks: list[Click] = field(default_factory=list)
    masks: list[Tensor] = field(default_factory=list)

    @property
    def mask(self) -> Tensor | None:
        """Mask of all clicks; None before the first click."""
        return self.masks[-1] if self.masks else None

    def click(self, models: Models, x: float, y: float, on_object: bool) -> None:
        """Add a click and predict a new mask.

        Raises:
            InputError: the first click is on background, or the mask is empty; the clicks stay unchanged.
        """
        if not on_object and not self.clicks:
            raise InputError("Click on the object first, then on background")
        height, width = self.pixels.shape[:2]
        clicks = [*self.clicks, (x, y, int(on_object))]
        mask = models.outline(self.embedding, Prompt(points=tuple(clicks)), height, width)
        if not bool(mask.any()):
            raise InputError("No object found at this click; click at another position")
        self.clicks = clicks
        self.masks.append(mask)

    def undo(self) -> None:
        """Remove the last click."""
        self.clicks, self.masks = self.clicks[:-1], self.masks[:-1]

    def restart(self) -> None:
        """Remove all clicks."""
        self.clicks, self.masks = [], []


def fit(pixels: Pixels, most: int, least: int = 1) -> Pixels:
    """Resize ``(H, W, 3)`` uint8 so that its longer side has ``least`` to ``most`` pixels."""
    longest = max(pixels.shape[:2])
    factor = min(max(longest, least), most) / longest
    if factor == 1:
        return pixels
    width, height = (max(1, round(factor * side)) for side in (pixels.shape[1], pixels.shape[0]))
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def draw_clicks(pixels: Pixels, mask: Tensor | None, clicks: Sequence[Click]) -> Pixels:
    """Draw a mask ``(H, W)`` and its clicks on an image ``(H, W, 3)``."""
    image = Image.fromarray(pixels if mask is None else _with_mask(pixels, mask))
    draw = ImageDraw.Draw(image)
    radius = max(3, max(pixels.shape) // 70)
    for x, y, on_object in clicks:
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, ON_OBJECT if on_object else BESIDE, "white", max(1, radius // 3))
    return np.array(image)


def draw_thumbnail(pixels: Pixels, mask: Tensor) -> Pixels:
    """Draw the mask of a reference on its image and crop it with a margin."""
    rows, columns = torch.nonzero(mask, as_tuple=True)
    left, top, right, bottom = (int(each) for each in (columns.min(), rows.min(), columns.max(), rows.max()))
    margin = 1 + int(MARGIN * max(right - left, bottom - top))
    cut = (slice(max(top - margin, 0), bottom + margin), slice(max(left - margin, 0), right + margin))
    return fit(_with_mask(pixels, mask)[cut], THUMBNAIL)


def _with_mask(pixels: Pixels, mask: Tensor) -> Pixels:
    shape = mask.numpy()[None]
    detections = sv.Detections(
        xyxy=sv.mask_to_xyxy(shape).astype(np.float32), mask=shape, class_id=np.array([0])
    )
    thickness = max(2, max(pixels.shape) // 250)
    scene = np.ascontiguousarray(pixels[..., ::-1])  # supervision expects BGR
    scene = sv.MaskAnnotator(color=COLOUR, opacity=0.35).annotate(scene, detections)
    scene = sv.PolygonAnnotator(color=COLOUR, thickness=thickness).annotate(scene, detections)
    return np.ascontiguousarray(scene[..., ::-1])
