"""Interleaved measurement of several configurations on the same images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch

from benchmarks.measure import STAGES, Measurement, compose_train, fitted_model, measure_image
from ntt.config.messages import USER_ERRORS, describe
from ntt.errors import InputError
from ntt.reporting.metrics import peak_rss

PIXEL, SCORE = 1.0, 1e-3  # maximum differences of box corners and scores of equal detections


def measure_together(
    conf: Path,
    variants: Mapping[str, Sequence[str]],
    overrides: Sequence[str],
    threads: int,
    on_image: Callable[[int, int], None],
) -> dict[str, Any]:
    """Measure all variants on an image before going to the next image.

    Args:
        conf: Folder of the configs.
        variants: Overrides of ``conf/train.yaml`` by variant name; ratios refer to the first variant.
        overrides: Overrides that all variants share.
        threads: Torch threads per process; only one process works at a time.
        on_image: Called with the number of finished images and the total.

    Returns:
        Output of :func:`summary` by variant name, with memory, weights and ``results`` added.
    """
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(conf, [*own, *overrides], threads))
            for name, own in variants.items()
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


class Worker:
    """Process with a fitted model that measures one image at a time.

    A separate process gives each variant its own peak memory. It is idle while other workers measure.

    Args:
        conf: Folder of the configs.
        overrides: Overrides of ``conf/train.yaml``.
        threads: Number of torch threads.
    """

    def __init__(self, conf: Path, overrides: Sequence[str], threads: int) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, conf, list(overrides), threads), daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def facts(self) -> dict[str, Any]:
        """Wait until the model is fitted and return its facts. Call it once, before :meth:`measure`.

        Raises:
            InputError: The config, the data or the weights of the process are invalid.
            RuntimeError: The process died; its output contains the reason.
        """
        facts: dict[str, Any] = self._receive()
        return facts

    def measure(self, index: int) -> tuple[Measurement, int]:
        """Measure one target image; return the measurement and the peak memory so far in bytes."""
        self._pipe.send(index)
        received: tuple[Measurement, int] = self._receive()
        return received

    def _receive(self) -> Any:
        try:
            received = self._pipe.recv()
        except EOFError:
            raise RuntimeError("A benchmark process died; see its output above") from None
        if isinstance(received, InputError):
            raise received
        return received


def _serve(pipe: Connection, conf: Path, overrides: list[str], threads: int) -> None:
    torch.set_num_threads(threads)
    try:
        model, dataset = fitted_model(compose_train(conf, overrides))
    except USER_ERRORS as error:
        pipe.send(InputError(describe(error)))
        return
    random = model.encoder.random_weights or model.segmenter.random_weights
    pipe.send({"random_weights": random, "images": len(dataset.targets), "memory": peak_rss()})
    while True:
        measurement = measure_image(model, dataset.targets[pipe.recv()], dataset.category_ids)
        pipe.send((measurement, peak_rss()))
