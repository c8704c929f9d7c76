"""The contract of every evaluation: ground truth and results become metrics."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

from pycocotools.coco import COCO

KINDS = ("bbox", "segm")


class Evaluation(ABC):
    """Average precision by the rules of one benchmark.

    Attributes:
        protocol: the benchmark's name, for tables.
    """

    protocol: str

    def check(self, ground_truth: COCO) -> None:  # noqa: B027
        """Raise InputError where the ground truth lacks what the rules need; asked before a run."""

    @abstractmethod
    def __call__(self, ground_truth: COCO, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Judge results of all images of a ground truth.

        Args:
            ground_truth: of the images that were segmented, and no others: they would count as missed.
            results: of ``coco_results``.

        Returns:
            ``protocol``; ``bbox`` and, unless the ground truth is boxes only, ``segm``, each with AP, AP50,
            AP75 and what else the benchmark reports, in [0, 1]; ``per_class`` with the AP of both by class
            name. What is undefined, having no ground truth, is None; where nothing was found, precision is 0.
        """


def kinds(ground_truth: COCO) -> tuple[str, ...]:
    """What can be judged: boxes, and masks if all objects have one."""
    annotations = ground_truth.dataset["annotations"]
    return KINDS if all("segmentation" in annotation for annotation in annotations) else KINDS[:1]


def with_numbers(
    ground_truth: COCO, results: Sequence[dict[str, Any]]
) -> tuple[COCO, Sequence[dict[str, Any]]]:
    """Both with images counted from 1 if some have a text for an id, which COCO's libraries cannot sort."""
    ids = ground_truth.getImgIds()
    if all(isinstance(identity, int) for identity in ids):
        return ground_truth, results
    numbers = {identity: number for number, identity in enumerate(ids, start=1)}
    content, numbered = ground_truth.dataset, COCO()
    numbered.dataset = {
        **content,
        "images": [{**image, "id": numbers[image["id"]]} for image in content["images"]],
        "annotations": [{**each, "image_id": numbers[each["image_id"]]} for each in content["annotations"]],
    }
    with redirect_stdout(io.StringIO()):  # it reports each of its steps
        numbered.createIndex()
    return numbered, [{**result, "image_id": numbers[result["image_id"]]} for result in results]


def by_class(ground_truth: COCO, **aps: Sequence[float | None]) -> dict[str, dict[str, float | None]]:
    """``per_class`` of the AP of each kind, in the order of the category ids."""
    names = [ground_truth.cats[category]["name"] for category in sorted(ground_truth.getCatIds())]
    return {
        name: dict(zip(aps, values, strict=True)) for name, *values in zip(names, *aps.values(), strict=True)
    }
