"""Base class of evaluations, which compute metrics from ground truth and results."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

from pycocotools.coco import COCO

KINDS = ("bbox", "segm")


class Evaluation(ABC):
    """Average precision with the protocol of one benchmark.

    Attributes:
        protocol: Name of the benchmark, for tables.
    """

    protocol: str

    def check(self, ground_truth: COCO) -> None:  # noqa: B027
        """Raise InputError if the ground truth lacks fields that the protocol needs. Called before a run."""

    @abstractmethod
    def __call__(self, ground_truth: COCO, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Evaluate the results of all images of a ground truth.

        Args:
            ground_truth: Ground truth of exactly the segmented images; objects in other images would count as
                missed.
            results: Results from ``coco_results``.

        Returns:
            ``protocol``; ``bbox`` and, unless the ground truth has only boxes, ``segm``, each with AP, AP50,
            AP75 and the other metrics of the benchmark, in [0, 1]; ``per_class`` with the AP of both by class
            name. Metrics without ground-truth objects are None; without results, AP is 0.
        """


def kinds(ground_truth: COCO) -> tuple[str, ...]:
    """Return the kinds that can be evaluated: boxes, and masks if all objects have one."""
    annotations = ground_truth.dataset["annotations"]
    return KINDS if all("segmentation" in annotation for annotation in annotations) else KINDS[:1]


def with_numbers(
    ground_truth: COCO, results: Sequence[dict[str, Any]]
) -> tuple[COCO, Sequence[dict[str, Any]]]:
    """Number the images from 1 if some ids are strings, which the COCO libraries cannot sort."""
    ids = ground_truth.getImgIds()
    if all(isinstance(image_id, int) for image_id in ids):
        return ground_truth, results
    numbers = {image_id: number for number, image_id in enumerate(ids, start=1)}
    content, numbered = ground_truth.dataset, COCO()
    numbered.dataset = {
        **content,
        "images": [{**image, "id": numbers[image["id"]]} for image in content["images"]],
        "annotations": [{**each, "image_id": numbers[each["image_id"]]} for each in content["annotations"]],
    }
    with redirect_stdout(io.StringIO()):  # pycocotools prints each step
        numbered.createIndex()
    return numbered, [{**result, "image_id": numbers[result["image_id"]]} for result in results]


def ap_by_class(ground_truth: COCO, **aps: Sequence[float | None]) -> dict[str, dict[str, float | None]]:
    """Build ``per_class`` from the APs of each kind, which are in the order of the category ids."""
    names = [ground_truth.cats[category]["name"] for category in sorted(ground_truth.getCatIds())]
    return {
        name: dict(zip(aps, values, strict=True)) for name, *values in zip(names, *aps.values(), strict=True)
    }
