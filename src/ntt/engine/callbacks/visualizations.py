"""Visualizations of a run."""

from __future__ import annotations

from pathlib import Path

import torch
from pytorch_lightning import Trainer

from ntt.engine.callbacks.base import ImageCallback, file_names
from ntt.engine.data import ImageResult
from ntt.engine.stages import Stages
from ntt.options import Count
from ntt.visualization import draw_comparison, draw_features, draw_references, draw_similarity

MAX_HEAT_MAPS = 7


class Visualizations(ImageCallback):
    """Draw the references, and the instances, similarity and features of the first target images.

    Args:
        output_dir: Receives ``references.png`` and the folders ``instances``, ``similarity``, ``features``.
        images: Number of target images to draw.
    """

    def __init__(self, output_dir: str | Path, images: Count) -> None:
        self.output_dir = Path(output_dir)
        self.images = images
        self._names: list[str] = []

    def on_test_start(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Draw the references."""
        dataset = pl_module.dataset
        self._names = file_names(dataset.targets)
        references = (dataset.references[index] for index in range(len(dataset.references)))
        draw_references(self.output_dir / "references.png", references, dataset.class_names)

    def on_image_result(self, stages: Stages, result: ImageResult) -> None:
        """Draw one target image if it is one of the first."""
        if result.index >= self.images:
            return
        dataset, target, instances = stages.dataset, result.target, result.instances
        image, file = target.image.cpu(), self._names[result.index]
        truth = None if dataset.ground_truth is None else dataset.true_masks(target.image_id)
        labels = instances.labels if truth is None else truth[1]
        present = torch.unique(labels)[:MAX_HEAT_MAPS]
        names = [dataset.class_names[label] for label in present]
        heat = stages.model.similarity(result.features).cpu()[present]

        draw_comparison(self.output_dir / "instances" / file, image, truth, instances, dataset.class_names)
        if len(present):
            draw_similarity(self.output_dir / "similarity" / file, image, heat, names)
        draw_features(self.output_dir / "features" / file, image, result.features)
