"""Cost by number of prompts, of classes and shots, and of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import measure_image
from ntt.data import FewShotDataset
from ntt.engine.timer import Timer
from ntt.evaluation import CocoEvaluation, coco_results
from ntt.memory import MemoryBank
from ntt.models import PrototypeMatching
from ntt.proposals import ProposalStrategy
from ntt.reporting.metrics import peak_rss

CLASSES = (1, 20, 80, 400, 1203)
SHOTS = (1, 3, 10, 30)
USUAL_CLASSES, USUAL_SHOTS = 80, 10


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


def grow_memory(model: PrototypeMatching, dataset: FewShotDataset, images: int) -> list[dict[str, Any]]:
    """Measure the cost per image by number of classes and shots.

    The memory is filled with patches of the target images, so that every class occurs.

    Args:
        model: Model; its memory is replaced.
        dataset: Dataset with the targets to segment.
        images: Number of target images per row, after one warm-up image.

    Returns:
        Rows of ``classes``, ``shots``, ``seconds_per_image`` (median) and ``bytes`` of the memory bank.
    """
    targets = [dataset.targets[index] for index in range(images)]
    patches = torch.cat([model.encode(target.image).flatten(0, 1).cpu() for target in targets])
    sizes = dict.fromkeys(
        [*((number, USUAL_SHOTS) for number in CLASSES), *((USUAL_CLASSES, number) for number in SHOTS)]
    )
    rows = []
    for classes, shots in sizes:
        model.memory = patch_memory(patches, classes, shots)
        category_ids = range(classes)
        measure_image(model, targets[0], category_ids)
        times = [sum(measure_image(model, target, category_ids).seconds.values()) for target in targets]
        rows.append(
            {
                "classes": classes,
                "shots": shots,
                "seconds_per_image": median(times),
                "bytes": model.memory.nbytes,
            }
        )
    return rows


def patch_memory(patches: Tensor, classes: int, shots: int) -> MemoryBank:
    """Build a bank of ``classes * shots`` vectors drawn from ``(N, C)`` with a fixed seed."""
    bank = MemoryBank([str(number) for number in range(classes)], fingerprint="")
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randint(len(patches), (classes * shots,), generator=generator).tolist()
    everything = torch.ones(1, 1)
    for number, index in enumerate(chosen):
        bank.add(patches[index][None, None], everything, number % classes)
    bank.aggregate()
    return bank


def grow_images(
    model: PrototypeMatching, dataset: FewShotDataset, counts: Sequence[int]
) -> list[dict[str, Any]]:
    """Measure the cost of a run by number of images.

    Returns:
        Rows of ``images``, total ``seconds`` and ``peak_memory`` of the process in bytes.
    """
    rows, seconds = [], 0.0
    for index in range(max(counts)):
        target = dataset.targets[index % len(dataset.targets)]
        seconds += sum(measure_image(model, target, dataset.category_ids).seconds.values())
        if index + 1 in counts:
            rows.append({"images": index + 1, "seconds": seconds, "peak_memory": peak_rss()})
    return rows
