"""A picture that is being clicked on."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from ntt.app.models import Models
from ntt.errors import InputError
from ntt.reporting.pictures.canvas import Pixels
from ntt.segmenters import ImageEmbedding
from ntt.structures import Prompt

Click = tuple[float, float, int]  # x, y in pixels; 1 on the object, 0 beside it


@dataclass
class Clicking:
    """Clicks on a picture, and the mask that they make.

    Attributes:
        name: of the file.
        pixels: ``(H, W, 3)`` uint8.
        embedding: what the segmenter knows of the picture; made once, so that a click is answered at once.
        clicks: so far.
        masks: ``(H, W)`` bool after each click, so that the last one can be taken back.
    """

    name: str
    pixels: Pixels
    embedding: ImageEmbedding
    clicks: list[Click] = field(default_factory=list)
    masks: list[Tensor] = field(default_factory=list)

    @property
    def mask(self) -> Tensor | None:
        """Of all clicks; None before the first."""
        return self.masks[-1] if self.masks else None

    def click(self, models: Models, x: float, y: float, on_object: bool) -> None:
        """Ask the segmenter again, with one more click.

        Raises:
            InputError: the first click is beside the object, or nothing is found; all is as it was.
        """
        if not on_object and not self.clicks:
            raise InputError("Click on the object first; then on what does not belong to it")
        height, width = self.pixels.shape[:2]
        clicks = [*self.clicks, (x, y, int(on_object))]
        mask = models.outline(self.embedding, Prompt(points=tuple(clicks)), height, width)
        if not bool(mask.any()):
            raise InputError("Nothing is found with this click; try another place")
        self.clicks = clicks
        self.masks.append(mask)

    def undo(self) -> None:
        """Take the last click back."""
        self.clicks, self.masks = self.clicks[:-1], self.masks[:-1]

    def restart(self) -> None:
        """Forget all clicks."""
        self.clicks, self.masks = [], []
