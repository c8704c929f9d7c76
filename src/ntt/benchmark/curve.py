"""What more prompts bring, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ntt.data import FewShotDataset
from ntt.engine.clock import Clock
from ntt.evaluation import CocoEvaluation, coco_results
from ntt.models import PrototypeMatching
from ntt.proposals import ProposalStrategy


@torch.no_grad()
def measure_curve(
    model: PrototypeMatching,
    dataset: FewShotDataset,
    strategies: Mapping[str, ProposalStrategy],
    on_image: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """AP and seconds an image of several proposal strategies, which take turns on every image.

    Args:
        model: fitted.
        dataset: its targets need ground truth.
        strategies: by name.
        on_image: called with the number of images done and of all.

    Returns:
        A row for each strategy: ``model``, its name, ``segm`` and ``bbox`` AP, ``seconds_per_image``, a mean
        that counts what the strategies share, patch features and the image embedding, in full.
    """
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in strategies}
    clock = Clock()
    for number, target in enumerate(dataset.targets, start=1):
        height, width = target.image.shape[-2:]
        with clock.measure("shared"):
            features = model.encode(target.image)
            embedding = model.segmenter.encode(target.image)
        for name, strategy in strategies.items():
            with clock.measure(name):
                proposals = strategy(model.segmenter, embedding, model.patches(features))
                instances = model.match(features, proposals, height, width)
            results[name] += coco_results(target.image_id, instances, dataset.category_ids)
        on_image(number, len(dataset.targets))
    rows = []
    for name, found in results.items():
        judged = CocoEvaluation()(dataset.ground_truth, found)
        seconds = (clock.seconds["shared"] + clock.seconds[name]) / len(dataset.targets)
        precision = {kind: judged[kind]["AP"] for kind in ("segm", "bbox")}
        rows.append({"model": name, **precision, "seconds_per_image": seconds})
    return rows
