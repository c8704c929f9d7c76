"""Measure the masks that a segmenter makes from prompts on objects.

    python scripts/measure_prompts.py dataset=emoji_validation
    python scripts/measure_prompts.py segmenter=sam2_lite dataset=photos dataset.split=reported
    python scripts/measure_prompts.py segmenter=sam2_lite dataset=folder dataset.root=FOLDER

Arguments are overrides of train.py. Prompts are derived from the true masks of the references, and of
annotated targets: the box of a mask, its innermost point, both, and its centre. Prints the mean IoU with the
true masks; for targets also the mean over objects that touch another object of their class.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.engine.command import run_command
from ntt.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from torch import Tensor

    from ntt.segmenters import Segmenter
    from ntt.structures import Prompt

ROOT = Path(__file__).resolve().parents[1]
TOUCHING = 3  # the gap between touching objects is smaller than this, in pixels

# IoU of each object, by group of objects and kind of prompt.
Overlaps = defaultdict[tuple[str, str], list[float]]


def prompts_of(mask: Tensor) -> dict[str, Prompt]:
    """Return prompts derived from a mask ``(H, W)``, by name."""
    import cv2
    import numpy as np

    from ntt.matching.ops import boxes_from_masks
    from ntt.structures import Prompt

    box = tuple(boxes_from_masks(mask[None])[0].tolist())
    depth = cv2.distanceTransform(np.pad(mask.numpy().astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = divmod(int(depth.argmax()), mask.shape[1])
    point = (column + 0.5, row + 0.5, 1)
    return {
        "box": Prompt(box),
        "innermost point": Prompt(points=(point,)),
        "box and innermost point": Prompt(box, (point,)),
        "centre": Prompt(points=((*centre_of(mask), 1),)),
    }


def centre_of(mask: Tensor) -> tuple[float, float]:
    """Return ``(x, y)`` of the pixel of a mask ``(H, W)`` that is closest to its centroid."""
    pixels = mask.nonzero().float()
    distances = (pixels - pixels.mean(dim=0)).square().sum(dim=1)
    row, column = pixels[distances.argmin()].tolist()
    return column + 0.5, row + 0.5


def touches_its_class(masks: Tensor, labels: Tensor) -> list[bool]:
    """Return whether each object ``(N, H, W)`` touches another object of its class ``(N,)``."""
    import torch.nn.functional as F

    grown = F.max_pool2d(masks[:, None].float(), 2 * TOUCHING + 1, stride=1, padding=TOUCHING)[:, 0] > 0
    return [
        any(bool((grown[i] & masks[j]).any()) for j in range(len(masks)) if j != i and labels[j] == labels[i])
        for i in range(len(masks))
    ]


def measure(
    segmenter: Segmenter, image: Tensor, masks: Tensor, groups: list[list[str]], into: Overlaps
) -> None:
    """Add the IoU of each object ``(N, H, W)`` of an image to each of its groups."""
    import torch

    from ntt.models.pseudo_masks import segment_prompts

    variants = [prompts_of(mask) for mask in masks]
    with torch.no_grad():
        predictions, _ = segment_prompts(
            segmenter, image, [each for prompts in variants for each in prompts.values()]
        )
    kinds = [
        (mask, names, kind)
        for mask, names, each in zip(masks, groups, variants, strict=True)
        for kind in each
    ]
    for predicted, (mask, names, kind) in zip(predictions, kinds, strict=True):
        iou = float((predicted & mask).sum() / (predicted | mask).sum())
        for name in names:
            into[name, kind].append(iou)


def run(cfg: DictConfig) -> None:
    """Segment each object with each kind of prompt; print the mean IoU per kind."""
    from hydra.utils import instantiate
    from rich.progress import track

    dataset = instantiate(cfg.dataset)
    if problems := dataset.reference_problems():
        raise InputError("\n".join(problems))
    segmenter = instantiate(cfg.segmenter)
    found: Overlaps = defaultdict(list)
    for reference in track(dataset.references, "References"):
        if reference.mask is not None:
            measure(segmenter, reference.image, reference.mask[None], [["references"]], found)
    if dataset.ground_truth is not None:
        for target in track(dataset.targets, "Targets"):
            masks, labels = dataset.true_masks(target.image_id)
            groups = [
                ["targets", "touching targets"] if touching else ["targets"]
                for touching in touches_its_class(masks, labels)
            ]
            measure(segmenter, target.image, masks, groups, found)
    for (objects, kind), ious in found.items():
        print(f"{segmenter.name}, {kind}: mean IoU {sum(ious) / len(ious):.3f} of {len(ious)} {objects}")


if __name__ == "__main__":
    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    run_command(run, ROOT / "conf", "train")
