"""Instances drawn on their image; ground truth beside prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ntt.matching import uncovered
from ntt.reporting.pictures.canvas import (
    LEAST_SIDE,
    RGB,
    Pixels,
    class_colour,
    instance_colours,
    panels,
    resize,
    resize_pixels,
    save,
    shown_size,
    to_pixels,
)
from ntt.reporting.pictures.labels import draw_labels, place_labels
from ntt.reporting.pictures.shapes import outline, shapes_of, tint
from ntt.structures import Instances

MAX_SHOWN = 100
SHARE_OF_BEST = 0.4  # instances scored below this share of the image's best are not drawn


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
    found = instances.subset(shown)
    predicted = annotate(image, found.masks, _texts(found, class_names))
    title = _title("Prediction", len(shown), len(instances))
    if truth is None:
        drawn, titles = [annotate(image, found.masks[:0], []), predicted], ["Image", title]
    else:
        masks, labels = truth
        drawn = [annotate(image, masks, [class_names[label] for label in labels]), predicted]
        titles = [_title("Ground truth", len(labels), len(labels)), title]
    figure, grid = panels(image, titles, columns=2)
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
    """Instances on their image at its own size, or with a longer side of ``LEAST_SIDE`` if it is smaller.

    Args:
        pixels: ``(H, W, 3)`` uint8.
        instances: best first.
        class_names: in the order of the labels.
        everything: draw all, not only the clearest.
        ids: ``(N,)`` identities, which give the colours and are written on the instances; without them each
            instance of the image has a colour.
    """
    height, width = pixels.shape[:2]
    scale = max(1.0, LEAST_SIDE / max(height, width))
    scene = resize_pixels(pixels, max(1, round(height * scale)), max(1, round(width * scale)))
    shown = range(len(instances)) if everything else clearest(instances).tolist()
    texts, colours = _texts(instances, class_names), None
    if ids is not None:
        colours = [class_colour(int(ids[index])) for index in shown]
        texts = [f"{identity} {text}" for identity, text in zip(ids.tolist(), texts, strict=True)]
    # One by one, since a selection of masks would be a copy of all their pixels.
    _draw(scene, [instances.masks[index] for index in shown], colours, [texts[index] for index in shown])
    return scene


def clearest(instances: Instances) -> Tensor:
    """Indices of the instances worth drawing."""
    return uncovered(instances, SHARE_OF_BEST, MAX_SHOWN)


def annotate(
    image: Tensor,
    masks: Tensor,
    texts: Sequence[str],
    size: tuple[int, int] | None = None,
) -> Pixels:
    """Masks, outlines and texts on an image, each instance in a colour of its own.

    Args:
        image: ``(3, H, W)`` in [0, 1].
        masks: ``(N, H, W)`` bool.
        texts: of each mask.
        size: height and width of the result; by default those of a panel.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    # PyTorch's channels come first: the copy has them last, as OpenCV needs them.
    scene = np.ascontiguousarray(to_pixels(resize(image, *(size or shown_size(image)))))
    _draw(scene, list(masks), None, texts)
    return scene


def _draw(
    scene: Pixels, masks: Sequence[Tensor], colours: Sequence[RGB] | None, texts: Sequence[str]
) -> None:
    """Draw on ``(height, width, 3)`` uint8 in place; masks ``(H, W)`` bool may have another size."""
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
    """Name and score of each instance."""
    pairs = zip(instances.labels.tolist(), instances.scores.tolist(), strict=True)
    return [f"{class_names[label]} {score:.2f}" for label, score in pairs]


def _title(name: str, drawn: int, count: int) -> str:
    """``Prediction (24 of 31)``, or ``Prediction (24)`` if all are drawn."""
    return f"{name} ({drawn})" if drawn == count else f"{name} ({drawn} of {count})"
