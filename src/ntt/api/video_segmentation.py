"""What was found in one frame of a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from PIL import Image
from torch import Tensor

from ntt.api.segmentation import Segmentation

if TYPE_CHECKING:
    import supervision as sv


@dataclass(frozen=True, repr=False)
class VideoSegmentation(Segmentation):
    """Instances in a frame, best first, which keep their identity from frame to frame.

    ``image_id`` is the number of the frame, counted from 0.

    Attributes:
        ids: ``(N,)`` int64, of the object that each instance is; counted from 1, never used again.
        seconds: when the frame is shown; its number, if the frames came as pictures.
    """

    ids: Tensor
    seconds: float

    def subset(self, kept: Tensor) -> Self:
        """Some of them, by their indices or as ``(N,)`` bool."""
        return replace(super().subset(kept), ids=self.ids[kept])

    def to_supervision(self) -> sv.Detections:
        """As of a picture, and the identities as ``tracker_id``."""
        detections = super().to_supervision()
        detections.tracker_id = self.ids.numpy()
        return detections

    def plot(self, everything: bool = True) -> Image.Image:
        """As of a picture, but with all instances, in the colours of their identities."""
        from ntt.reporting.pictures import draw_instances

        return Image.fromarray(draw_instances(self.pixels, self, self.class_names, everything, self.ids))
