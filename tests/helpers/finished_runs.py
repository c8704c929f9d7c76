"""Artificial run directories whose predictions are the shifted ground truth of the miniature dataset."""

import json
from pathlib import Path

import torch
import yaml

from ntt.data import FewShotDataset
from ntt.evaluation import CocoEvaluation, coco_results
from ntt.matching import boxes_from_masks
from ntt.structures import Instances


def make_run(folder, miniature, shift, encoder="dinov3_nano", overrides=None, **dataset):
    """Write a run whose masks are shifted by ``shift`` pixels.

    Paths in its config are relative to ``miniature``.

    Args:
        folder: run directory to create.
        miniature: folder of the dataset.
        shift: shift of the masks in pixels.
        encoder: name of the encoder.
        overrides: overrides of the run; by default that of the encoder.
        dataset: further arguments of the dataset.
    """
    files = {
        f"{part}_{kind}": f"{part}s{ending}"
        for part in ("reference", "target")
        for kind, ending in (("file", ".json"), ("images", ""))
    }
    data = FewShotDataset(**{key: miniature / path for key, path in files.items()}, **dataset)
    results = []
    for image in data.ground_truth.getImgIds():
        masks, labels = data.true_masks(image)
        masks = masks.roll(shift, dims=2)
        scores = torch.linspace(0.9, 0.5, len(labels))
        results += coco_results(
            image, Instances(masks, boxes_from_masks(masks), scores, labels), data.category_ids
        )
    evaluated = CocoEvaluation()(data.ground_truth, results)
    facts = {"name": encoder, "parameters": 2_800_000, "random_weights": False}
    folder.mkdir(parents=True)
    config = {
        "paths": {"output": "${hydra:runtime.output_dir}"},
        "dataset": {"_target_": "ntt.data.FewShotDataset", **files, **dataset},
    }
    for name, content in {
        "config": config,
        "overrides": overrides or [f"encoder={encoder}"],
        "hydra": {"hydra": {"runtime": {"cwd": str(miniature)}}},
    }.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    timing = {"images": 3, "images_per_second": 2.0 + shift}
    (folder / "metrics.json").write_text(json.dumps({**evaluated, "timing": timing, "encoder": facts}))
    (folder / "predictions.json").write_text(json.dumps(results))
    return folder


def repeat_targets(miniature, times=3):
    """Duplicate the targets, because few images give no confidence intervals."""
    path = miniature / "targets.json"
    content = json.loads(path.read_text())
    for key, fields in {"images": ["id"], "annotations": ["id", "image_id"]}.items():
        content[key] = [
            entry | {field: entry[field] + 100 * k for field in fields}
            for k in range(times)
            for entry in content[key]
        ]
    path.write_text(json.dumps(content))


def make_failure(folder: Path, overrides, reason):
    """Write the directory of a failed job, with a reason if given."""
    folder.mkdir(parents=True)
    (folder / "overrides.yaml").write_text(yaml.safe_dump(overrides))
    if reason:
        (folder / "failure.json").write_text(json.dumps({"reason": reason}))
