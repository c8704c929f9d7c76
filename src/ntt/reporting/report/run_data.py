"""The targets that a run was judged on, built from its own config."""

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
    """Reads where the run read: relative paths are from the folder in which it was started.

    Everything raises what the dataset raises where its files are no longer there.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        cfg = OmegaConf.load(folder / "config.yaml")
        OmegaConf.update(cfg, "paths.output", str(folder), force_add=True)  # else only Hydra knows it
        self.config = OmegaConf.to_container(cfg.dataset, resolve=True)
        self.start = Path(OmegaConf.load(folder / "hydra.yaml").hydra.runtime.cwd)

    @cached_property
    def dataset(self) -> Any:
        """As the run had it."""
        return instantiate(self.config)

    @cached_property
    def ground_truth(self) -> COCO:
        """The truth about the targets; there has to be some."""
        with chdir(self.start):
            return self.dataset.ground_truth

    @cached_property
    def positions(self) -> dict[int | str, int]:
        """Where each image is among the targets."""
        with chdir(self.start):
            return {entry.image_id: number for number, entry in enumerate(self.dataset.targets.entries)}

    def image(self, image_id: int | str) -> Tensor:
        """A target's picture, ``(3, H, W)`` in [0, 1]."""
        with chdir(self.start):
            image: Tensor = self.dataset.targets[self.positions[image_id]].image
        return image

    def same_config(self, other: RunData) -> bool:
        """Whether both read the same in the same way."""
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
