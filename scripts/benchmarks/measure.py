"""Measurement of time, prompts and masks for one image, by stage."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ntt.engine.timer import Clock
from ntt.evaluation import coco_results
from ntt.models import PrototypeMatching
from ntt.structures import Target

STAGES = ("features", "embedding", "prompts", "matching", "run lengths")
LINUX_STATUS = Path("/proc/self/status")
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


@torch.no_grad()
def measure_image(model: PrototypeMatching, target: Target, category_ids: Sequence[int]) -> Measurement:
    """Segment one image as ``test`` does, timing every stage."""
    clock = Clock()
    height, width = target.image.shape[-2:]
    with clock.measure("features"):
        features = model.encode(target.image)
    with clock.measure("embedding"):
        embedding = model.segmenter.encode(target.image)
    with counted_rows(model.segmenter) as rows, clock.measure("prompts"):
        proposals = model.proposals(model.segmenter, embedding, model.patches(features))
    with clock.measure("matching"):
        instances = model.match(features, proposals, height, width)
    with clock.measure("run lengths"):
        results = coco_results(target.image_id, instances, category_ids)
    # Only the decoder of the package uses its upscaling module; ours upscales exactly the masks it returns.
    drawn = MASKS_PER_PROMPT * rows["upscaled"] or len(proposals)
    return Measurement(dict(clock.seconds), rows["asked"], drawn, results)


@contextmanager
def counted_rows(segmenter: Any) -> Iterator[dict[str, int]]:
    """Count the prompts whose IoU is predicted and those that the package's upscaling module processes."""
    decoder = segmenter.model.sam_mask_decoder
    rows = {"asked": 0, "upscaled": 0}

    def watch(module: nn.Module, name: str) -> Any:
        def count(_: nn.Module, inputs: Any, __: Any) -> None:
            rows[name] += len(inputs[0])

        return module.register_forward_hook(count)

    hooks = [watch(decoder.iou_prediction_head, "asked"), watch(decoder.output_upscaling[0], "upscaled")]
    try:
        yield rows
    finally:
        for hook in hooks:
            hook.remove()


def peak_memory() -> int:
    """Return the peak resident memory of this process in bytes."""
    if LINUX_STATUS.exists():  # getrusage also counts the memory of the parent before it started this process
        line = next(line for line in LINUX_STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
