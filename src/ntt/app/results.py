"""Results of a target image, stored so that a new threshold needs no new inference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.api import Segmentation
from ntt.app.click_prompts import fit
from ntt.matching import uncovered
from ntt.structures import Instances
from ntt.visualization import draw_instances
from ntt.visualization.canvas import Pixels

SHOWN_SIDE = 900  # pixels; larger images are downscaled for display


@dataclass(frozen=True)
class DisplayedResult:
    """Instances of an image that do not cover each other, with all scores, best first.

    Attributes:
        name: file name.
        pixels: the image at display size.
        instances: instances at display size.
        class_names: class names by label.
        coco: COCO file of the instances in the same order, at original image size.
    """

    name: str
    pixels: Pixels
    instances: Instances
    class_names: tuple[str, ...]
    coco: dict[str, Any]

    @classmethod
    def of(cls, whole: Segmentation) -> DisplayedResult:
        """Reduce a result to the data that the page needs; full-size masks may take 1 GB."""
        pixels = fit(whole.pixels, SHOWN_SIDE)
        height, width = pixels.shape[:2]
        shown = Instances(_shrunk(whole.masks, height, width), whole.boxes, whole.scores, whole.labels)
        kept = uncovered(shown, share_of_best=0.0, limit=len(shown))
        coco = whole.subset(kept).to_coco()
        return cls(str(whole.image_id), pixels, shown.subset(kept), whole.class_names, coco)

    def draw(self, threshold: float) -> tuple[Pixels, str]:
        """Draw the instances that score at least ``threshold`` and return a caption with their counts."""
        found = self.instances.above(threshold)
        counts = Counter(self.class_names[label] for label in found.labels.tolist())
        line = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing above the threshold"
        drawn = draw_instances(self.pixels, found, self.class_names, everything=True)
        return drawn, f"{self.name}: {line}"


def _shrunk(masks: Tensor, height: int, width: int) -> Tensor:
    """Resize masks ``(N, h, w)`` bool; N may be 0."""
    if not len(masks):
        return masks.new_zeros(0, height, width)
    return F.interpolate(masks.view(torch.uint8)[None], (height, width), mode="nearest")[0].bool()


def merge_coco(results: Sequence[DisplayedResult], threshold: float) -> dict[str, Any]:
    """Build one COCO file of several images with the instances that score at least ``threshold``."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, result in enumerate(results, start=1):
        images.append({**result.coco["images"][0], "id": number})
        for annotation in result.coco["annotations"]:
            if annotation["score"] >= threshold:
                annotations.append({**annotation, "id": len(annotations) + 1, "image_id": number})
    categories = results[0].coco["categories"]
    return {"images": images, "annotations": annotations, "categories": categories}
