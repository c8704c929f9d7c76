"""Content of ``metrics.json``, with the peak memory."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ntt.models import PrototypeMatching

STAGES = ("mask_references", "fill_memory", "postprocess_memory", "fill_negatives", "calibrate")
TEST_PARTS = ("encode", "propose", "match", "refine")
LINUX_STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"  # proc(5): resets the peak resident set size to the current one
UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2) reports kilobytes, on macOS bytes


def run_metrics(
    report: Mapping[str, Any], model: PrototypeMatching, seconds: Mapping[str, float], images: int
) -> dict[str, Any]:
    """Collect the metrics, timings and model facts of a run.

    Args:
        report: ``skipped``, ``protocol``, ``bbox``, ``segm``, ``per_class``, ``open_set``, ``oracle``,
            ``proposal_recall``, ``semantic``, ``calibration``, if they were computed.
        model: Model after the run.
        seconds: Wall time of the stages and of the parts of ``test``.
        images: Number of segmented target images.

    Returns:
        ``report`` with ``timing``, ``peak_memory``, ``encoder``, ``segmenter`` and ``memory_bank`` added.
        ``timing.test`` is the time of the model alone, without image loading, evaluation and visualization.
        ``timing.shared`` is the part of it that the proposal cache saved.
    """
    test = sum(seconds.get(part, 0.0) for part in TEST_PARTS)
    return {
        "skipped": [],  # file and reason for each unreadable target image
        **report,
        "timing": {
            **{stage: round(seconds.get(stage, 0.0), 4) for stage in STAGES},
            "test": round(test, 4),
            **{part: round(seconds.get(part, 0.0), 4) for part in TEST_PARTS},
            **({"shared": round(seconds["shared"], 4)} if "shared" in seconds else {}),
            "images": images,
            "images_per_second": round(images / test, 4) if test else None,
        },
        "peak_memory": peak_memory(),
        "encoder": {
            **_facts(model.encoder),
            "dim": model.encoder.embed_dim,
            "img_size": model.encoder.img_size,
        },
        "segmenter": {**_facts(model.segmenter), "image_size": model.segmenter.image_size},
        "memory_bank": {
            "bytes": model.memory.nbytes,
            "instances": len(model.memory),
            "classes": len(model.memory.class_names),
        },
    }


def _facts(module: nn.Module) -> dict[str, Any]:
    return {
        "name": module.name,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "random_weights": module.random_weights,
    }


def forget_peak_memory() -> None:
    """Reset the peak, so that a sweep job does not report the memory of earlier jobs.

    On systems other than Linux, the peak stays that of the whole process.
    """
    with suppress(OSError):
        CLEAR_REFS.write_text(FORGET_PEAK)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_rss() -> int:
    """Return the peak resident memory of this process in bytes."""
    if LINUX_STATUS.exists():  # getrusage also counts the memory of the parent before it started this process
        line = next(line for line in LINUX_STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    return UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_memory() -> dict[str, int]:
    """Return the peak memory in bytes: ``rss`` for RAM and, on a GPU, ``cuda`` for allocated tensors."""
    peak = {"rss": peak_rss()}
    if torch.cuda.is_available():
        peak["cuda"] = torch.cuda.max_memory_allocated()
    return peak
