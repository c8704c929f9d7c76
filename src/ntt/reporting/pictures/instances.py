"""Instances drawn on their image; ground truth beside prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import supervision as sv
import torch
from torch import Tensor

from ntt.reporting.pictures.canvas import (
    DPI,
    PANEL,
    Pixels,
    class_colour,
    panels,
    resize,
    save,
    shown_size,
    to_pixels,
)
from ntt.structures import Instances

MAX_SHOWN = 12
LEAST_SIDE = round(PANEL * DPI)  # pixels; lines and letters are made for this size, and grow with a picture
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
    predicted = annotate(image, *_captioned(instances, shown, class_names))
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


def draw_instances(
    pixels: Pixels, instances: Instances, class_names: Sequence[str], everything: bool = False
) -> Pixels:
    """Instances on their image at its own size, or with a longer side of ``LEAST_SIDE`` if it is smaller.

    Args:
        pixels: ``(H, W, 3)`` uint8.
        instances: best first.
        class_names: in the order of the labels.
        everything: draw all, not only the clearest.
    """
    height, width = pixels.shape[:2]
    scale = max(1.0, LEAST_SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    shown = torch.arange(len(instances)) if everything else clearest(instances)
    image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    return annotate(image, *_captioned(instances, shown, class_names), size)


def _captioned(
    instances: Instances, shown: Tensor, class_names: Sequence[str]
) -> tuple[Tensor, Tensor, list[str]]:
    """Masks and labels of some instances, and what is written on them."""
    labels, scores = instances.labels[shown], instances.scores[shown]
    pairs = zip(labels.tolist(), scores.tolist(), strict=True)
    return instances.masks[shown], labels, [f"{class_names[label]} {score:.2f}" for label, score in pairs]


def clearest(instances: Instances, share_of_best: float = SHARE_OF_BEST, at_most: int = MAX_SHOWN) -> Tensor:
    """Indices of the instances worth drawing: well scored, and not covered by a better one of any class."""
    kept: list[int] = []
    if not len(instances):
        return torch.zeros(0, dtype=torch.int64)
    least = share_of_best * float(instances.scores.max())
    masks = instances.masks.flatten(1).float()
    areas = masks.sum(dim=1)
    for index in range(len(instances)):
        if float(instances.scores[index]) < least or len(kept) == at_most:
            break
        overlap = masks[kept] @ masks[index]
        smaller = torch.minimum(areas[kept], areas[index]).clamp(min=1)
        if not bool((overlap / smaller > 0.5).any()):
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64)


def annotate(
    image: Tensor, masks: Tensor, labels: Tensor, texts: list[str], size: tuple[int, int] | None = None
) -> Pixels:
    """Masks, outlines and texts on the image, brought to a height and width; None for those in a picture."""
    height, width = size or shown_size(image)
    zoom = max(height, width) / LEAST_SIDE
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
    scene = sv.PolygonAnnotator(color=palette, thickness=round(2 * zoom)).annotate(scene, detections)
    writer = sv.LabelAnnotator(
        color=palette,
        text_color=sv.Color.BLACK,
        text_scale=0.5 * zoom,
        text_thickness=max(1, round(zoom)),
        text_padding=round(4 * zoom),
        smart_position=True,
    )
    scene = writer.annotate(scene, detections, labels=texts)
    return np.ascontiguousarray(scene[..., ::-1])


def _nothing(image: Tensor) -> tuple[Tensor, Tensor]:
    empty = Instances.empty(*image.shape[-2:])
    return empty.masks, empty.labels
