"""Fitted models from the ``train`` config, and measurement of time, prompts and masks for one image."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from ntt.config.messages import require_values
from ntt.data import FewShotDataset
from ntt.engine.timer import Timer
from ntt.evaluation import coco_results
from ntt.models import PrototypeMatching
from ntt.structures import Target

STAGES = ("features", "embedding", "prompts", "matching", "run lengths")
MASKS_PER_PROMPT = 4  # masks that the decoder of the sam2 package upscales per prompt


@dataclass(frozen=True)
class Measurement:
    """Measurement of one image.

    Attributes:
        seconds: Seconds of each of ``STAGES``: patch features; SAM 2 image embedding; proposals; labels,
            merging and final masks; RLE encoding of the masks for the results file.
        prompts: Number of prompts that the decoder processed.
        drawn: Number of masks that the decoder upscaled.
        results: Instances as COCO results.
    """

    seconds: dict[str, float]
    prompts: int
    drawn: int
    results: list[dict[str, Any]]


def compose_train(conf: Path, overrides: Sequence[str]) -> DictConfig:
    """Compose the config of ``python train.py`` with overrides.

    Args:
        conf: Folder of the configs.
        overrides: Overrides of ``conf/train.yaml``.
    """
    os.environ.setdefault("PROJECT_ROOT", str(conf.parent))
    with initialize_config_dir(str(conf), version_base="1.3"):
        cfg = compose("train", overrides=[*overrides, "paths.output=null"])  # there is no run directory
    require_values(cfg)
    return cfg


def fitted_model(cfg: DictConfig) -> tuple[PrototypeMatching, FewShotDataset]:
    """Build the model and the dataset of a ``train`` config and fill the memory."""
    from pytorch_lightning import seed_everything  # not needed by those who only measure memory

    seed_everything(cfg.seed, verbose=False)
    dataset = instantiate(cfg.dataset)
    dataset.check()
    model = instantiate(cfg.model)
    model.fit(dataset.references, dataset.class_names)
    return model, dataset


@torch.no_grad()
def measure_image(model: PrototypeMatching, target: Target, category_ids: Sequence[int]) -> Measurement:
    """Segment one image as ``test`` does, timing every stage."""
    timer = Timer()
    height, width = target.image.shape[-2:]
    with timer.measure("features"):
        features = model.encode(target.image)
    with timer.measure("embedding"):
        embedding = model.segmenter.encode(target.image)
    with counted_rows(model.segmenter) as rows, timer.measure("prompts"):
        proposals = model.proposals(model.segmenter, embedding, model.patches(features))
    with timer.measure("matching"):
        instances = model.match(features, proposals, height, width)
    with timer.measure("run lengths"):
        results = coco_results(target.image_id, instances, category_ids)
    # Only the decoder of the package uses its upscaling module; ours upscales exactly the masks it returns.
    drawn = MASKS_PER_PROMPT * rows["upscaled"] or len(proposals)
    return Measurement(dict(timer.seconds), rows["prompted"], drawn, results)


@contextmanager
def counted_rows(segmenter: Any) -> Iterator[dict[str, int]]:
    """Count the prompts whose IoU is predicted and those that the package's upscaling module processes."""
    decoder = segmenter.model.sam_mask_decoder
    rows = {"prompted": 0, "upscaled": 0}

    def watch(module: nn.Module, name: str) -> Any:
        def count(_: nn.Module, inputs: Any, __: Any) -> None:
            rows[name] += len(inputs[0])

        return module.register_forward_hook(count)

    hooks = [watch(decoder.iou_prediction_head, "prompted"), watch(decoder.output_upscaling[0], "upscaled")]
    try:
        yield rows
    finally:
        for hook in hooks:
            hook.remove()
