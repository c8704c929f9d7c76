"""Cost per image by size of the reference memory, and cost of a run by number of images."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import measure_image, peak_memory
from ntt.data import FewShotDataset
from ntt.memory import MemoryBank
from ntt.models import PrototypeMatching

CLASSES = (1, 20, 80, 400, 1203)
SHOTS = (1, 3, 10, 30)
USUAL_CLASSES, USUAL_SHOTS = 80, 10


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
        identities = range(classes)
        measure_image(model, targets[0], identities)
        times = [sum(measure_image(model, target, identities).seconds.values()) for target in targets]
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
            rows.append({"images": index + 1, "seconds": seconds, "peak_memory": peak_memory()})
    return rows
