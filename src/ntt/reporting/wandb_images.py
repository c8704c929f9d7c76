"""Logging of target images with ground truth and predictions to W&B."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ntt.data import FewShotDataset
from ntt.errors import InputError
from ntt.evaluation import best_match_iou, instances_of
from ntt.matching import boxes_from_masks, semantic_map
from ntt.reporting.wandb_comparison import IMAGE_TABLE, LoggedImage
from ntt.structures import Instances, Target
from ntt.visualization.canvas import to_pixels
from ntt.visualization.instances import clearest
from ntt.visualization.label_maps import LARGEST

if TYPE_CHECKING:
    import wandb
    from wandb import Run

BACKGROUND = 0


def log_images(
    run: Run,
    dataset: FewShotDataset,
    results: Iterable[Mapping[str, Any]],
    count: int,
) -> None:
    """Log images one by one, and all in one table that allows comparing runs by image.

    Args:
        run: W&B run.
        dataset: Dataset with the targets.
        results: COCO results of all processes of the run.
        count: Log at most this many of the first images; unreadable images are skipped.
    """
    import wandb

    found = defaultdict(list)
    for result in results:
        found[result["image_id"]].append(result)
    rows: list[LoggedImage] = []
    for index in range(min(count, len(dataset.targets))):
        try:
            target = dataset.targets[index]
        except InputError:
            continue
        row = _row(dataset, target, found[target.image_id])
        shown = {"images/prediction": row.prediction, "images/ground_truth": row.ground_truth}
        run.log({key: image for key, image in shown.items() if image is not None})
        rows.append(row)
    if rows:
        table = wandb.Table(columns=list(LoggedImage._fields), data=[list(row) for row in rows])
        run.log({IMAGE_TABLE: table})


def _row(dataset: FewShotDataset, target: Target, results: list[Mapping[str, Any]]) -> LoggedImage:
    names = dataset.class_names
    found = instances_of(results, dataset.category_ids, *target.image.shape[-2:])
    truth = best = None
    if dataset.ground_truth is not None:
        masks, labels = dataset.true_masks(target.image_id)
        truth = truth_overlay(target.image, masks, labels, names)
        best = best_match_iou(found, masks, labels)
    prediction = predicted_overlay(target.image, found, names)
    return LoggedImage(str(target.image_id), target.path.name, truth, prediction, best)


def truth_overlay(image: Tensor, masks: Tensor, labels: Tensor, class_names: Sequence[str]) -> wandb.Image:
    """Build an image with its ground-truth objects.

    Args:
        image: ``(3, H, W)`` in [0, 1].
        masks: ``(N, H, W)`` bool; smaller masks are drawn on top.
        labels: ``(N,)`` int64.
        class_names: Class names in label order.
    """
    areas = masks.sum(dim=(1, 2))
    return _overlay(image, "ground_truth", masks, boxes_from_masks(masks), labels, -areas, class_names)


def predicted_overlay(image: Tensor, instances: Instances, class_names: Sequence[str]) -> wandb.Image:
    """Build an image with its clearest instances and their scores; see ``truth_overlay``."""
    shown = clearest(instances)
    masks, boxes = instances.masks[shown], instances.boxes[shown]
    labels, scores = instances.labels[shown], instances.scores[shown]
    return _overlay(image, "prediction", masks, boxes, labels, scores, class_names, with_scores=True)


def _overlay(
    image: Tensor,
    key: str,
    masks: Tensor,
    boxes: Tensor,
    labels: Tensor,
    order: Tensor,
    class_names: Sequence[str],
    with_scores: bool = False,
) -> wandb.Image:
    import wandb

    masks, labels, order = masks.cpu(), labels.cpu(), order.cpu()
    numbers = mask_numbers(labels, len(class_names))
    names = {number: class_names[label] for label, number in numbers.items()}
    numbered = torch.tensor([numbers[label] for label in labels.tolist()], dtype=torch.int64)
    classes = semantic_map(masks, order, numbered - 1, score_threshold=-math.inf)
    found = [
        {
            "position": dict(zip(("minX", "minY", "maxX", "maxY"), box, strict=True)),
            "domain": "pixel",
            "class_id": number,
            "box_caption": f"{names[number]} {score:.2f}" if with_scores else names[number],
            **({"scores": {"score": score}} if with_scores else {}),
        }
        for box, number, score in zip(boxes.tolist(), numbered.tolist(), order.tolist(), strict=True)
    ]
    class_labels = {BACKGROUND: "background", **names}
    return wandb.Image(
        to_pixels(image),
        file_type="jpg",
        masks={key: {"mask_data": classes.numpy().astype(np.uint8), "class_labels": class_labels}},
        boxes={key: {"box_data": found, "class_labels": class_labels}},
    )


def mask_numbers(labels: Tensor, count: int) -> dict[int, int]:
    """Map labels to mask values, of which W&B supports 255 besides the background.

    A class has the same value, and so the same colour, in all images, unless there are too many classes.

    Args:
        labels: Labels in one image, ``(N,)`` int64.
        count: Total number of classes.
    """
    present = torch.unique(labels).tolist()
    if count <= LARGEST:
        return {label: label + 1 for label in present}
    return {label: number for number, label in enumerate(present, start=1)}
