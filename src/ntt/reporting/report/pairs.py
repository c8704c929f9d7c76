"""Visualization of the images on which two runs disagree most."""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ntt.evaluation import instances_of
from ntt.evaluation.bootstrap import image_order
from ntt.reporting.report.significance import EvaluatedRun
from ntt.visualization.canvas import Pixels
from ntt.visualization.instances import annotate, clearest

COUNT = 10
QUALITY = 80  # WebP quality


@dataclass(frozen=True)
class Pair:
    """One image with its ground truth and the predictions of two runs.

    Attributes:
        name: File name.
        aps: AP of both runs on this image alone.
        truth: Image with the ground truth, as a data URL.
        first: Image with the predictions of the first run, as a data URL.
        second: Image with the predictions of the second run, as a data URL.
        width: Width of the images in pixels.
        height: Height of the images in pixels.
    """

    name: str
    aps: tuple[float, float]
    truth: str
    first: str
    second: str
    width: int
    height: int


def largest_differences(first: EvaluatedRun, second: EvaluatedRun) -> list[Pair]:
    """Return the images whose AP differs most between two runs, largest difference first."""
    aps = np.stack([first.image_aps(), second.image_aps()], axis=1)
    differences = np.abs(aps[:, 0] - aps[:, 1])
    ids = image_order(first.data.ground_truth)
    order = np.argsort(-differences, kind="stable")[:COUNT]
    chosen = [position for position in order.tolist() if differences[position]]
    by_image = [_by_image(each, {ids[position] for position in chosen}) for each in (first, second)]
    return [
        _pair(
            first, ids[position], [found[ids[position]] for found in by_image], tuple(aps[position].tolist())
        )
        for position in chosen
    ]


def _pair(
    evaluated: EvaluatedRun,
    image_id: int | str,
    found: Sequence[list[dict[str, Any]]],
    aps: tuple[float, float],
) -> Pair:
    dataset = evaluated.data.dataset
    image, names = evaluated.data.image(image_id), dataset.class_names
    masks, labels = dataset.true_masks(image_id)
    true = annotate(image, masks, [names[label] for label in labels])
    one, other = (_drawn(image, each, dataset.category_ids, names) for each in found)
    height, width = true.shape[:2]
    name = evaluated.data.ground_truth.imgs[image_id]["file_name"]
    return Pair(name, aps, _embedded(true), _embedded(one), _embedded(other), width, height)


def _drawn(
    image: Tensor, results: Sequence[dict[str, Any]], category_ids: Sequence[int], names: Sequence[str]
) -> Pixels:
    instances = instances_of(results, category_ids, *image.shape[-2:])
    shown = clearest(instances)
    labels, scores = instances.labels[shown], instances.scores[shown]
    texts = [f"{names[label]} {score:.2f}" for label, score in zip(labels, scores, strict=True)]
    return annotate(image, instances.masks[shown], texts)


def _by_image(
    evaluated: EvaluatedRun, wanted: set[int | str]
) -> defaultdict[int | str, list[dict[str, Any]]]:
    found: defaultdict[int | str, list[dict[str, Any]]] = defaultdict(list)
    for result in evaluated.results:
        if result["image_id"] in wanted:
            found[result["image_id"]].append(result)
    return found


def _embedded(pixels: Pixels) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
