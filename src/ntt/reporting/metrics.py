"""What ``metrics.json`` says."""

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
    """Everything worth comparing between runs.

    Args:
        report: ``skipped``, ``protocol``, ``bbox``, ``segm``, ``per_class``, ``open_set``, ``ceilings``,
            ``proposal_recall``, ``semantic``, ``calibration``, as far as they were computed.
        model: after the run.
        seconds: wall time of the stages and of the parts of ``test``.
        images: how many target images were segmented.

    Returns:
        ``report`` and ``timing``, ``peak_memory``, ``encoder``, ``segmenter``, ``memory_bank``.
        ``timing.test`` is the time of the model alone, without reading images, evaluation and pictures.
        ``timing.shared`` is how much of it was not spent again, since the segmenter's answers were in the
        store.
    """
    test = sum(seconds.get(part, 0.0) for part in TEST_PARTS)
    return {
        "skipped": [],  # file and reason of target images that could not be read
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
