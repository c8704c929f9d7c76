"""Interleaved measurement of several configurations on the same images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import STAGES, Measurement
from benchmarks.workers import Worker

PIXEL, SCORE = 1.0, 1e-3  # maximum differences of box corners and scores of equal detections


def measure_together(
    conf: Path,
    variants: Mapping[str, Sequence[str]],
    words: Sequence[str],
    threads: int,
    on_image: Callable[[int, int], None],
) -> dict[str, Any]:
    """Measure all variants on an image before going to the next image.

    Args:
        conf: Folder of the configs.
        variants: Overrides of ``conf/train.yaml`` by variant name; ratios refer to the first variant.
        words: Overrides that all variants share.
        threads: Torch threads per process; only one process works at a time.
        on_image: Called with the number of finished images and the total.

    Returns:
        Output of :func:`summary` by variant name, with memory, weights and ``results`` added.
    """
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(conf, [*own, *words], threads)) for name, own in variants.items()
        }
        facts = {name: worker.facts() for name, worker in workers.items()}
        measured: dict[str, list[Measurement]] = {name: [] for name in variants}
        peaks = dict.fromkeys(variants, 0)
        images = min(fact["images"] for fact in facts.values())
        for index in range(images):
            for name, worker in workers.items():
                measurement, peaks[name] = worker.measure(index)
                measured[name].append(measurement)
            on_image(index + 1, images)
    first = next(iter(variants))
    return {
        name: {
            **summary(found, measured[first]),
            "peak_memory": peaks[name],
            "peak_memory_loading": facts[name]["memory"],
            "random_weights": facts[name]["random_weights"],
            "results": [result for image in found for result in image.results],
        }
        for name, found in measured.items()
    }


def summary(found: Sequence[Measurement], reference: Sequence[Measurement]) -> dict[str, Any]:
    """Summarise the measurements of one variant relative to a reference variant.

    Args:
        found: Measurements of the variant, one per image.
        reference: Measurements of the reference variant on the same images.

    Returns:
        Medians ``seconds`` by stage and ``seconds_per_image``; ``times_faster``, the median ratio of the
        times per image; means per image of ``prompts``, ``drawn`` and ``agreement`` (see
        :func:`same_detections`).
    """
    totals = [sum(image.seconds.values()) for image in found]
    others = [sum(image.seconds.values()) for image in reference]
    pairs = [same_detections(a.results, b.results) for a, b in zip(found, reference, strict=True)]
    return {
        "images": len(found),
        "seconds": {stage: median(image.seconds[stage] for image in found) for stage in STAGES},
        "seconds_per_image": median(totals),
        "times_faster": median(other / own for own, other in zip(totals, others, strict=True)),
        "prompts": sum(image.prompts for image in found) / len(found),
        "drawn": sum(image.drawn for image in found) / len(found),
        "agreement": sum(pairs) / len(pairs),
    }


def same_detections(found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> float:
    """Compute the fraction of equal COCO results: boxes within 1 pixel, scores within 0.001.

    Each result is paired at most once, with the first equal result of the other side. Two empty lists give 1.
    """
    left = list(wanted)
    paired = 0
    for result in found:
        same = next((other for other in left if _same(result, other)), None)
        if same is not None:
            left.remove(same)
            paired += 1
    longest = max(len(found), len(wanted))
    return paired / longest if longest else 1.0


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (
        one["category_id"] == other["category_id"]
        and abs(one["score"] - other["score"]) <= SCORE
        and bool(np.abs(_corners(one) - _corners(other)).max() <= PIXEL)
    )


def _corners(result: Mapping[str, Any]) -> np.ndarray:
    x, y, width, height = result["bbox"]
    return np.array([x, y, x + width, y + height])
