"""Visualization of instances, with ground truth next to predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ntt.matching import uncovered
from ntt.structures import Instances
from ntt.visualization.canvas import (
    LEAST_SIDE,
    RGB,
    Pixels,
    class_colour,
    instance_colours,
    panel_grid,
    resize,
    resize_pixels,
    save,
    shown_size,
    to_pixels,
)
from ntt.visualization.labels import draw_labels, place_labels
from ntt.visualization.shapes import outline, shapes_of, tint

MAX_SHOWN = 100
SHARE_OF_BEST = 0.4  # minimum score of a drawn instance, as a fraction of the best score in the image


def draw_comparison(
    path: Path,
    image: Tensor,
    truth: tuple[Tensor, Tensor] | None,
    instances: Instances,
    class_names: Sequence[str],
) -> None:
    """Draw the ground truth, if there is any, next to the clearest predictions.

    Args:
        path: PNG file to write.
        image: ``(3, H, W)`` in [0, 1].
        truth: Ground-truth masks ``(N, H, W)`` bool and labels ``(N,)``; None without ground truth.
        instances: Predictions, highest score first. Many overlap, so only the clearest are drawn.
        class_names: Class names in label order.
    """
    shown = clearest(instances)
    found = instances.subset(shown)
    predicted = annotate(image, found.masks, _texts(found, class_names))
    title = _title("Prediction", len(shown), len(instances))
    if truth is None:
        drawn, titles = [annotate(image, found.masks[:0], []), predicted], ["Image", title]
    else:
        masks, labels = truth
        drawn = [annotate(image, masks, [class_names[label] for label in labels]), predicted]
        titles = [_title("Ground truth", len(labels), len(labels)), title]
    figure, grid = panel_grid(image, titles, columns=2)
    for axes, pixels in zip(grid, drawn, strict=True):
        axes.imshow(pixels)
    save(figure, path)


def draw_instances(
    pixels: Pixels,
    instances: Instances,
    class_names: Sequence[str],
    everything: bool = False,
    ids: Tensor | None = None,
) -> Pixels:
    """Draw instances on their image, enlarged if its longer side is below ``LEAST_SIDE``.

    Args:
        pixels: ``(H, W, 3)`` uint8.
        instances: Instances, highest score first.
        class_names: Class names in label order.
        everything: Draw all instances, not only the clearest.
        ids: ``(N,)`` track ids, which set the colours and are added to the labels. Without them, colours are
            chosen per image.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    height, width = pixels.shape[:2]
    scale = max(1.0, LEAST_SIDE / max(height, width))
    scene = resize_pixels(pixels, max(1, round(height * scale)), max(1, round(width * scale)))
    shown = range(len(instances)) if everything else clearest(instances).tolist()
    texts, colours = _texts(instances, class_names), None
    if ids is not None:
        colours = [class_colour(int(ids[index])) for index in shown]
        texts = [f"{object_id} {text}" for object_id, text in zip(ids.tolist(), texts, strict=True)]
    # Select masks one by one; indexing the tensor would copy all their pixels.
    _draw(scene, [instances.masks[index] for index in shown], colours, [texts[index] for index in shown])
    return scene


def clearest(instances: Instances) -> Tensor:
    """Return the indices of the instances to draw."""
    return uncovered(instances, SHARE_OF_BEST, MAX_SHOWN)


def annotate(
    image: Tensor,
    masks: Tensor,
    texts: Sequence[str],
    size: tuple[int, int] | None = None,
) -> Pixels:
    """Draw masks, outlines and labels on an image, with one colour per instance.

    Args:
        image: ``(3, H, W)`` in [0, 1].
        masks: ``(N, H, W)`` bool.
        texts: Label of each mask.
        size: Height and width of the result; by default those of a panel.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    # OpenCV needs a contiguous array with channels last.
    scene = np.ascontiguousarray(to_pixels(resize(image, *(size or shown_size(image)))))
    _draw(scene, list(masks), None, texts)
    return scene


def _draw(
    scene: Pixels, masks: Sequence[Tensor], colours: Sequence[RGB] | None, texts: Sequence[str]
) -> None:
    """Draw on ``(height, width, 3)`` uint8 in place; the masks ``(H, W)`` bool may differ in size."""
    if not len(masks):
        return
    height, width = scene.shape[:2]
    zoom = max(height, width) / LEAST_SIDE
    shapes = shapes_of(masks, height, width)
    if colours is None:
        colours = instance_colours(np.array([shape.box for shape in shapes]), height, width)
    tint(scene, shapes, colours)
    outline(scene, shapes, colours, zoom)
    draw_labels(scene, place_labels(shapes, texts, height, width, zoom), colours, zoom)


def _texts(instances: Instances, class_names: Sequence[str]) -> list[str]:
    """Return the class name and score of each instance as text."""
    pairs = zip(instances.labels.tolist(), instances.scores.tolist(), strict=True)
    return [f"{class_names[label]} {score:.2f}" for label, score in pairs]


def _title(name: str, drawn: int, count: int) -> str:
    """Return ``Prediction (24 of 31)``, or ``Prediction (24)`` if all instances are drawn."""
    return f"{name} ({drawn})" if drawn == count else f"{name} ({drawn} of {count})"
