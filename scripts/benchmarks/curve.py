"""AP and time by number of prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ntt.data import FewShotDataset
from ntt.engine.timer import Timer
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
    """Measure AP and seconds per image of several proposal strategies, interleaved on every image.

    Args:
        model: Fitted model.
        dataset: Dataset whose targets have ground truth.
        strategies: Proposal strategies by name.
        on_image: Called with the number of finished images and the total.

    Returns:
        One row per strategy: ``model`` (the name), ``segm`` and ``bbox`` AP, and the mean
        ``seconds_per_image``, including the shared patch features and image embedding.
    """
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in strategies}
    timer = Timer()
    for number, target in enumerate(dataset.targets, start=1):
        height, width = target.image.shape[-2:]
        with timer.measure("shared"):
            features = model.encode(target.image)
            embedding = model.segmenter.encode(target.image)
        for name, strategy in strategies.items():
            with timer.measure(name):
                proposals = strategy(model.segmenter, embedding, model.patches(features))
                instances = model.match(features, proposals, height, width)
            results[name] += coco_results(target.image_id, instances, dataset.category_ids)
        on_image(number, len(dataset.targets))
    rows = []
    for name, found in results.items():
        evaluated = CocoEvaluation()(dataset.ground_truth, found)
        seconds = (timer.seconds["shared"] + timer.seconds[name]) / len(dataset.targets)
        precision = {kind: evaluated[kind]["AP"] for kind in ("segm", "bbox")}
        rows.append({"model": name, **precision, "seconds_per_image": seconds})
    return rows
