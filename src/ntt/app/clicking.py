"""Click prompts on the open reference image."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from ntt.app.models import Models
from ntt.errors import InputError
from ntt.reporting.pictures.canvas import Pixels
from ntt.segmenters import ImageEmbedding
from ntt.structures import Prompt

Click = tuple[float, float, int]  # x, y in pixels; 1 for the object, 0 for background


@dataclass
class Clicking:
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
