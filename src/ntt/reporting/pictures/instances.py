"""Instances drawn on their image; ground truth beside prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import supervision as sv
import torch
from torch import Tensor

from ntt.reporting.pictures.canvas import Pixels, class_colour, panels, resize, save, shown_size, to_pixels
from ntt.structures import Instances

MAX_SHOWN = 12
SIDE_COMPARED = 1024  # pixels of the longer side of masks are enough to see what covers what
SHARE_OF_BEST = 0.6  # instances scored below this share of the image's best are not drawn


def draw_comparison(
    path: Path,
    image: Tensor,
    truth: tuple[Tensor, Tensor] | None,
    instances: Instances,
    class_names: Sequence[str],
) -> None:
    """Ground truth, where there is one, beside the clearest predictions.

    Args:
        path: the PNG to write.
        image: ``(3, H, W)`` in [0, 1].
        truth: true masks ``(N, H, W)`` bool and their labels ``(N,)``; None where unknown.
        instances: predictions, best first; many overlap, and only the clearest are drawn.
        class_names: in the order of the labels.
    """
    shown = clearest(instances)
    predicted = annotate(
        image,
        instances.masks[shown],
        instances.labels[shown],
        [
            f"{class_names[label]} {score:.2f}"
            for label, score in zip(instances.labels[shown], instances.scores[shown], strict=True)
        ],
    )
    title = f"Prediction ({len(shown)} clearest of {len(instances)})"
    if truth is None:
        pictures, titles = [annotate(image, *_nothing(image), []), predicted], ["Image", title]
    else:
        masks, labels = truth
        pictures = [annotate(image, masks, labels, [class_names[label] for label in labels]), predicted]
        titles = [f"Ground truth ({len(labels)})", title]
    figure, grid = panels(image, titles, columns=2)
    for axes, picture in zip(grid, pictures, strict=True):
        axes.imshow(picture)
    save(figure, path)


def clearest(instances: Instances) -> Tensor:
    """Indices of the instances worth drawing: well scored, and not covered by a better one of any class."""
    kept: list[int] = []
    if not len(instances):
        return torch.zeros(0, dtype=torch.int64)
    least = SHARE_OF_BEST * float(instances.scores.max())
    # As numbers, a hundred large masks would fill the memory.
    step = max(1, max(instances.masks.shape[1:]) // SIDE_COMPARED)
    masks = instances.masks[:, ::step, ::step].flatten(1).float()
    areas = masks.sum(dim=1)
    for index in range(len(instances)):
        if float(instances.scores[index]) < least or len(kept) == MAX_SHOWN:
            break
        overlap = masks[kept] @ masks[index]
        smaller = torch.minimum(areas[kept], areas[index]).clamp(min=1)
        if not bool((overlap / smaller > 0.5).any()):
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64)


def annotate(image: Tensor, masks: Tensor, labels: Tensor, texts: list[str]) -> Pixels:
    """Masks, outlines and texts on the image, enlarged or reduced to its size in a picture."""
    height, width = shown_size(image)
    picture = to_pixels(resize(image, height, width))
    if not len(masks):
        return picture
    shapes = (resize(masks, height, width) > 0.5).cpu().numpy()
    detections = sv.Detections(
        xyxy=sv.mask_to_xyxy(shapes).astype(np.float32), mask=shapes, class_id=labels.cpu().numpy()
    )
    palette = sv.ColorPalette([sv.Color(*class_colour(label)) for label in range(int(labels.max()) + 1)])
    # supervision draws in OpenCV's order of channels, blue first.
    scene = np.ascontiguousarray(picture[..., ::-1])
    scene = sv.MaskAnnotator(color=palette, opacity=0.3).annotate(scene, detections)
    scene = sv.PolygonAnnotator(color=palette, thickness=2).annotate(scene, detections)
    writer = sv.LabelAnnotator(
        color=palette, text_color=sv.Color.BLACK, text_scale=0.5, text_padding=4, smart_position=True
    )
    scene = writer.annotate(scene, detections, labels=texts)
    return np.ascontiguousarray(scene[..., ::-1])


def _nothing(image: Tensor) -> tuple[Tensor, Tensor]:
    empty = Instances.empty(*image.shape[-2:])
    return empty.masks, empty.labels
