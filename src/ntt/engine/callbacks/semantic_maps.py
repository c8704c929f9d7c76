"""Semantic segmentation maps and their mIoU."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from ntt.engine.callbacks.base import ImageCallback, file_names
from ntt.engine.data import ImageResult
from ntt.engine.stages import Stages
from ntt.errors import InputError
from ntt.evaluation import IGNORED, kinds, semantic_metrics, true_semantic_map
from ntt.matching import semantic_map
from ntt.options import Count, Share, checked
from ntt.visualization import draw_semantic
from ntt.visualization.label_maps import LARGEST, write_label_map, write_legend


class SemanticMaps(ImageCallback):
    """Merge the instances of each image into a semantic map; report mIoU if there is ground truth.

    Args:
        output_dir: Run directory; receives ``semantic/`` and ``visualizations/semantic/``.
        score_threshold: Instances with a lower score are treated as background.
        images: Number of target images to draw.

    Raises:
        InputError: The threshold is not in [0, 1].
    """

    @checked
    def __init__(self, output_dir: str | Path, score_threshold: Share, images: Count) -> None:
        self.maps = Path(output_dir) / "semantic"
        self.drawings = Path(output_dir) / "visualizations" / "semantic"
        self.score_threshold = score_threshold
        self.images = images
        self._names: list[str] = []

    def setup(self, trainer: Trainer, pl_module: Stages, stage: str) -> None:  # type: ignore[override]
        """Check the number of classes and the ground truth before anything is computed.

        Raises:
            InputError: There are more classes than a map can hold, or the ground truth has no masks.
        """
        count, ground_truth = len(pl_module.dataset.class_names), pl_module.dataset.ground_truth
        if ground_truth is not None and "segm" not in kinds(ground_truth):
            raise InputError(
                "dataset.boxes_only=true: task=semantic needs ground-truth masks; use task=instance"
            )
        if count > LARGEST:
            raise InputError(
                f"task=semantic supports at most {LARGEST} classes, got {count}; use task=instance"
            )

    def on_test_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Write the legend of the maps."""
        self._names = file_names(pl_module.dataset.targets)
        write_legend(self.maps / "classes.json", pl_module.dataset.class_names)

    def on_image_result(self, stages: Stages, result: ImageResult) -> list[list[int]] | None:
        """Write the map of one image, draw it if it is one of the first, and count the pixels by class.

        Returns:
            Nonzero cells of the confusion matrix as [true class, predicted class, pixels].
        """
        dataset, target, found = stages.dataset, result.target, result.instances
        predicted = semantic_map(found.masks, found.scores, found.labels, self.score_threshold)
        file = self._names[result.index]
        write_label_map(self.maps / file, predicted, len(dataset.class_names))
        truth = None
        if dataset.ground_truth is not None:
            truth = true_semantic_map(
                *dataset.true_masks(target.image_id), dataset.crowd_mask(target.image_id)
            )
        if result.index < self.images:
            draw_semantic(self.drawings / file, target.image.cpu(), truth, predicted, dataset.class_names)
        return None if truth is None else _cells(predicted, truth, len(dataset.class_names) + 1)

    def summarise(self, stages: Stages, notes: Sequence[Any], unread: Sequence[int | str]) -> None:
        """Compute the metrics over all maps."""
        if stages.dataset.ground_truth is None:
            return
        class_names = stages.dataset.class_names
        confusion = torch.zeros(len(class_names) + 1, len(class_names) + 1, dtype=torch.int64)
        for true, predicted, pixels in chain.from_iterable(notes):
            confusion[true, predicted] += pixels
        stages.report["semantic"] = semantic_metrics(confusion, class_names)


def _cells(predicted: Tensor, truth: Tensor, classes: int) -> list[list[int]]:
    confusion = multiclass_confusion_matrix(predicted, truth, classes, ignore_index=IGNORED)
    cells = confusion.nonzero()
    return torch.cat([cells, confusion[cells[:, 0], cells[:, 1]][:, None]], dim=1).tolist()
