"""Content of ``metrics.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ntt.models import PrototypeMatching
from ntt.reporting.peak_memory import peak_memory

STAGES = ("mask_references", "fill_memory", "postprocess_memory", "fill_negatives", "calibrate")
TEST_PARTS = ("encode", "propose", "match", "refine")


def run_metrics(
    report: Mapping[str, Any], model: PrototypeMatching, seconds: Mapping[str, float], images: int
) -> dict[str, Any]:
    """Collect the metrics, timings and model facts of a run.

    Args:
        report: ``skipped``, ``protocol``, ``bbox``, ``segm``, ``per_class``, ``open_set``, ``ceilings``,
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
