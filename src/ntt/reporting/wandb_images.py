"""Logging of target images with ground truth and predictions to W&B."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ntt.data import FewShotDataset
from ntt.errors import InputError
from ntt.evaluation import best_match_iou, instances_of
from ntt.reporting.wandb_comparison import IMAGE_TABLE, LoggedImage
from ntt.reporting.wandb_pictures import predicted_overlay, truth_overlay
from ntt.structures import Target

if TYPE_CHECKING:
    from wandb import Run


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
        run.log({key: picture for key, picture in shown.items() if picture is not None})
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
