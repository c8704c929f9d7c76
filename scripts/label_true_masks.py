"""Measure how well an encoder separates classes, without a segmenter.

    python scripts/label_true_masks.py dataset=emoji_validation encoder=dinov3_nano

Arguments are overrides of train.py. Prints the share of the targets' oracle masks that get their true label.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntt.engine.command import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parents[1]


def run(cfg: DictConfig) -> dict[str, Any]:
    """Fill the memory, classify the oracle masks, print the accuracy."""
    import torch
    from hydra.utils import instantiate
    from rich.progress import track

    from ntt.matching import classify

    dataset = instantiate(cfg.dataset)
    dataset.check()
    if not dataset.references.without_mask():
        cfg.segmenter.weights = "random"  # built, but not used
    model = instantiate(cfg.model)
    model.fit(track(dataset.references, "References"), dataset.class_names)
    right = total = 0
    for target in track(dataset.targets, "Targets"):
        masks, labels = dataset.true_masks(target.image_id)
        if len(masks):
            _, found = classify(model.compare(model.encode(target.image), masks))
            right += int(torch.eq(found, labels).sum())
            total += len(labels)
    ratio, size = cfg.model.memory.context_ratio, model.encoder.img_size
    print(
        f"{model.encoder.name} at {size} pixels, context_ratio {ratio}: {right / total:.3f} of {total} masks"
    )
    return {"accuracy": right / total}


if __name__ == "__main__":
    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    run_command(run, ROOT / "conf", "train")
