"""Targets of a run, built from its config."""

from __future__ import annotations

from contextlib import chdir
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf
from pycocotools.coco import COCO
from torch import Tensor

from ntt.evaluation.base import kinds


class RunData:
    """Dataset of a run, with relative paths resolved from the working directory of the run.

    The attributes raise the errors of the dataset if its files are missing.

    Args:
        folder: Run directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        cfg = OmegaConf.load(folder / "config.yaml")
        OmegaConf.update(cfg, "paths.output", str(folder), force_add=True)  # otherwise set only by Hydra
        self.config = OmegaConf.to_container(cfg.dataset, resolve=True)
        self.start = Path(OmegaConf.load(folder / "hydra.yaml").hydra.runtime.cwd)

    @cached_property
    def dataset(self) -> Any:
        """Dataset of the run."""
        return instantiate(self.config)

    @cached_property
    def ground_truth(self) -> COCO:
        """Ground truth of the targets; the dataset must have one."""
        with chdir(self.start):
            return self.dataset.ground_truth

    @cached_property
    def positions(self) -> dict[int | str, int]:
        """Index of each target by image id."""
        with chdir(self.start):
            return {entry.image_id: number for number, entry in enumerate(self.dataset.targets.entries)}

    def image(self, image_id: int | str) -> Tensor:
        """Return a target image, ``(3, H, W)`` in [0, 1]."""
        with chdir(self.start):
            image: Tensor = self.dataset.targets[self.positions[image_id]].image
        return image

    def same_config(self, other: RunData) -> bool:
        """Whether both have the same dataset config and working directory."""
        return (self.config, self.start) == (other.config, other.start)

    def same_targets(self, other: RunData) -> bool:
        """Whether both have the same classes, images and objects."""
        if self.same_config(other):
            return True
        return _facts(self.ground_truth) == _facts(other.ground_truth)


def _facts(ground_truth: COCO) -> tuple[Any, ...]:
    content = ground_truth.dataset
    return (
        kinds(ground_truth),
        content["categories"],
        [(image["id"], image["file_name"]) for image in content["images"]],
        [(each["image_id"], each["category_id"], each["bbox"]) for each in content["annotations"]],
    )
