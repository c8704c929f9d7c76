"""How well the masks that are made of boxes and points agree with the drawn ones.

    python scripts/measure_reference_masks.py dataset=emoji_validation

Takes the words of train.py. Prompts are taken from the true masks of the references: the box around a mask,
the point farthest inside it, and both. Prints the mean IoU with the true masks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.engine.command import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from torch import Tensor

    from ntt.structures import Prompt

ROOT = Path(__file__).resolve().parents[1]


def prompts_of(mask: Tensor) -> dict[str, Prompt]:
    """What a person might give in place of a mask ``(H, W)``, by what it is called."""
    import cv2
    import numpy as np

    from ntt.matching.boxes import boxes_from_masks
    from ntt.structures import Prompt

    box = tuple(boxes_from_masks(mask[None])[0].tolist())
    depth = cv2.distanceTransform(np.pad(mask.numpy().astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = divmod(int(depth.argmax()), mask.shape[1])
    point = (column + 0.5, row + 0.5, 1)
    return {"box": Prompt(box), "point": Prompt(points=(point,)), "box and point": Prompt(box, (point,))}


def run(cfg: DictConfig) -> None:
    """Make a mask of each prompt of each reference, print one line for each kind of prompt."""
    from collections import defaultdict

    import torch
    from hydra.utils import instantiate
    from rich.progress import track

    from ntt.models.prompted_masks import segment_prompts

    dataset = instantiate(cfg.dataset)
    dataset.check()
    segmenter = instantiate(cfg.segmenter)
    found: defaultdict[str, list[float]] = defaultdict(list)
    for reference in track(dataset.references, "References"):
        if reference.mask is None:
            continue
        prompts = prompts_of(reference.mask)
        with torch.no_grad():
            masks, _ = segment_prompts(segmenter, reference.image, list(prompts.values()))
        for kind, mask in zip(prompts, masks, strict=True):
            shared, either = (mask & reference.mask).sum(), (mask | reference.mask).sum()
            found[kind].append(float(shared / either))
    for kind, ious in found.items():
        print(f"{segmenter.name}, {kind}: mean IoU {sum(ious) / len(ious):.3f} of {len(ious)} references")


if __name__ == "__main__":
    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    run_command(run, ROOT / "conf", "train")
