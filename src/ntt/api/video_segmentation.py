"""Result of one video frame."""

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
    """Instances in a frame, best first, with identities that persist across frames.

    ``image_id`` is the number of the frame, from 0.

    Attributes:
        ids: ``(N,)`` int64 object ids, from 1; an id is never reused.
        seconds: presentation time of the frame in seconds; the frame number if the frames are images.
    """

    ids: Tensor
    seconds: float

    def subset(self, kept: Tensor) -> Self:
        """Select instances by indices or by a mask ``(N,)`` bool."""
        return replace(super().subset(kept), ids=self.ids[kept])

    def to_supervision(self) -> sv.Detections:
        """Convert to supervision as for an image, with the object ids as ``tracker_id``."""
        detections = super().to_supervision()
        detections.tracker_id = self.ids.numpy()
        return detections

    def plot(self, everything: bool = True) -> Image.Image:
        """Draw as for an image, but by default all instances, coloured by object id."""
        from ntt.reporting.pictures import draw_instances

        return Image.fromarray(draw_instances(self.pixels, self, self.class_names, everything, self.ids))
