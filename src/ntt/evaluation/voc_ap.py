"""PASCAL VOC average precision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from ntt.errors import InputError
from ntt.evaluation.base import Evaluation, ap_by_class, kinds

IOUS = tuple(percent / 100 for percent in range(50, 100, 5))
FIELDS = {"bbox": "bbox", "segm": "segmentation"}


class VocEvaluation(Evaluation):
    """PASCAL VOC AP and the metrics of novel classes from few-shot papers.

    Everingham et al., *The PASCAL Visual Object Classes (VOC) Challenge*, IJCV 2010, section 4.2. A result is
    a true positive if its IoU with the best-overlapping object of its class exceeds the threshold and no
    result with a higher score has matched that object. ``difficult`` objects and crowds do not count, and
    results that overlap one of them most are ignored. As in Wang et al., *Frustratingly Simple Few-Shot
    Object Detection* (TFA, arXiv 2003.06957), AP is the mean over ten IoU thresholds from 0.5 to 0.95, and
    nAP, nAP50, nAP75 are the metrics of the novel classes.

    Args:
        eleven_points: Average the precision at eleven recall levels, as in VOC 2007; otherwise use the area
            under the whole curve, as in VOC since 2010.
        novel_classes: Names of the novel classes; None uses all classes of the run.
    """

    protocol = "PASCAL VOC"

    def __init__(self, eleven_points: bool = False, novel_classes: Sequence[str] | None = None) -> None:
        self.eleven_points = eleven_points
        self.novel_classes = novel_classes

    def check(self, ground_truth: COCO) -> None:
        """Raise InputError if a novel class is not a class of the run."""
        names = {category["name"] for category in ground_truth.dataset["categories"]}
        unknown = [name for name in self.novel_classes or () if name not in names]
        if unknown:
            raise InputError(
                f"evaluation.novel_classes: {unknown[0]!r} is not a class of the run; correct or remove it"
            )

    def __call__(self, ground_truth: COCO, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """See the base class."""
        self.check(ground_truth)
        aps = {kind: self._class_aps(ground_truth, results, kind) for kind in kinds(ground_truth)}
        return {
            "protocol": self.protocol,
            **{kind: self._summary(ground_truth, values) for kind, values in aps.items()},
            "per_class": ap_by_class(
                ground_truth, **{kind: [_mean([ap]) for ap in values] for kind, values in aps.items()}
            ),
        }

    def _class_aps(
        self, ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str
    ) -> list[list[float] | None]:
        """Compute the AP at each of ``IOUS`` for each category, in id order; None without objects."""
        found = _grouped(results, "category_id")
        aps: list[list[float] | None] = []
        for category in sorted(ground_truth.getCatIds()):
            objects = ground_truth.loadAnns(ground_truth.getAnnIds(catIds=[category]))
            count = sum(not _passed_over(entry) for entry in objects)
            overlaps = _best_overlaps(objects, found[category], FIELDS[kind])
            aps.append(
                [average_precision(_right(overlaps, iou), count, self.eleven_points) for iou in IOUS]
                if count
                else None
            )
        return aps

    def _summary(self, ground_truth: COCO, aps: Sequence[list[float] | None]) -> dict[str, float | None]:
        names = [ground_truth.cats[category]["name"] for category in sorted(ground_truth.getCatIds())]
        novel = names if self.novel_classes is None else self.novel_classes
        novel_aps = [ap for name, ap in zip(names, aps, strict=True) if name in novel]
        return {
            f"{prefix}{name}": _mean(chosen, at)
            for prefix, chosen in (("", aps), ("n", novel_aps))
            for name, at in (("AP", None), ("AP50", IOUS.index(0.5)), ("AP75", IOUS.index(0.75)))
        }


def average_precision(right: Sequence[bool], count: int, eleven_points: bool = False) -> float:
    """Average the interpolated precision over recall levels.

    Equation 2 of the paper: the interpolated precision at a recall is the maximum precision at any recall at
    or above it.

    Args:
        right: Whether each result is a true positive, highest score first.
        count: Number of objects, at least 1.
        eleven_points: Use recall 0, 0.1, ..., 1; otherwise all recall levels, which gives the area under the
            curve.
    """
    hits = np.cumsum(right, dtype=np.int64)
    precision = hits / np.arange(1, len(hits) + 1)
    interpolated = np.maximum.accumulate(precision[::-1])[::-1]
    if not eleven_points:
        return float(np.diff(hits, prepend=0) @ interpolated) / count
    # First result with recall >= k / 10; compare integers, because 0.3 is not exact in floating point.
    reached = np.searchsorted(10 * hits, count * np.arange(11))
    return float(np.append(interpolated, 0)[reached].mean())


class _Overlap(NamedTuple):
    """Result with its best-overlapping object of the same class, if the image has one."""

    score: float
    iou: float
    object_id: int
    passed_over: bool


def _best_overlaps(
    objects: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]], field: str
) -> list[_Overlap]:
    """Return the best overlap of each result of one class, highest score first."""
    true = _grouped(objects, "image_id")
    overlaps = []
    for image, found in _grouped(results, "image_id").items():
        present = true[image]
        if not present:
            overlaps += [_Overlap(result["score"], 0, 0, False) for result in found]
            continue
        ious = coco_mask.iou([r[field] for r in found], [o[field] for o in present], [0] * len(present))
        for result, row in zip(found, ious, strict=True):
            best = present[row.argmax()]
            overlaps.append(_Overlap(result["score"], row.max(), best["id"], _passed_over(best)))
    return sorted(overlaps, key=lambda overlap: -overlap.score)


def _right(overlaps: Iterable[_Overlap], threshold: float) -> list[bool]:
    """Return whether each result is a true positive; ignored results are omitted."""
    taken: set[int] = set()
    right = []
    for overlap in overlaps:
        if overlap.iou <= threshold:
            right.append(False)
        elif not overlap.passed_over:
            right.append(overlap.object_id not in taken)
            taken.add(overlap.object_id)
    return right


def _passed_over(entry: dict[str, Any]) -> bool:
    return bool(entry.get("difficult") or entry["iscrowd"])


def _mean(aps: Iterable[list[float] | None], at: int | None = None) -> float | None:
    """Average over the classes with objects, at all IoU thresholds or at one position."""
    values = np.array([ap if at is None else ap[at] for ap in aps if ap is not None])
    return float(values.mean()) if values.size else None


def _grouped(entries: Iterable[dict[str, Any]], key: str) -> defaultdict[Any, list[dict[str, Any]]]:
    groups: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        groups[entry[key]].append(entry)
    return groups
