"""Whether a difference in AP is more than chance: the paired bootstrap over images."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ntt.evaluation.base import with_numbers
from ntt.evaluation.coco_ap import ALL_AREAS, load_results

RESAMPLES = 1000
CONFIDENCE = 0.95
RECALLS = np.linspace(0, 1, 101)
# All n images may favour one side by chance with probability 2 / 2^n, which is below 5 % from here on only.
FEWEST_IMAGES = 6
DETECTIONS = 100  # of a class in an image that count
BLOCK = 4_000_000  # weights held at once, resamples times detections; bounds memory

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassMatches:
    """What COCO's evaluation found out about the detections of one class, best first.

    Attributes:
        images: ``(D,)`` int64, the position of each detection's image.
        right: ``(T, D)`` bool, whether it finds an object, at each of ten IoU.
        counted: ``(T, D)`` bool, False where it counts neither way.
        objects: ``(I,)`` float64, how many are to be found in each image.
    """

    images: NDArray[np.int64]
    right: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    objects: Floats


@dataclass(frozen=True)
class Interval:
    """A difference of AP, and between which values it lies with 95 % confidence; None where undefined."""

    difference: float | None
    low: float | None
    high: float | None

    @property
    def is_chance(self) -> bool:
        """Whether it may be: no difference is within the interval."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


def match_images(ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str) -> list[ClassMatches]:
    """Match results with objects, once for all resamples, by pycocotools.

    Args:
        ground_truth: of all images that were segmented.
        results: of ``coco_results``.
        kind: ``segm`` or ``bbox``.

    Returns:
        One entry a category, in the order of their ids; images are in the order of ``image_order``.
    """
    ground_truth, results = with_numbers(ground_truth, results)
    evaluation = COCOeval(ground_truth, load_results(ground_truth, results, kind), kind)
    evaluation.params.areaRng = evaluation.params.areaRng[ALL_AREAS : ALL_AREAS + 1]
    evaluation.params.maxDets = [DETECTIONS]
    with redirect_stdout(io.StringIO()):  # it reports each of its steps
        evaluation.evaluate()
    count = len(evaluation.params.imgIds)
    return [
        _merge(evaluation.evalImgs[k * count : (k + 1) * count], len(evaluation.params.iouThrs))
        for k in range(len(evaluation.params.catIds))
    ]


def image_order(ground_truth: COCO) -> list[int | str]:
    """The ids of the images, as pycocotools orders them; as they come where some are texts."""
    ids = ground_truth.getImgIds()
    return sorted(ids) if all(isinstance(identity, int) for identity in ids) else ids


def resample(images: int, count: int = RESAMPLES, seed: int = 0) -> Floats:
    """How often each image is drawn, ``(count, images)``: as many as there are, with replacement."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, [1 / images] * images, size=count).astype(np.float64)


def weighted_ap(matches: Sequence[ClassMatches], weights: Floats) -> Floats:
    """COCO's AP by class where images count several times or not at all.

    With weights of 1 it is pycocotools' AP. With whole numbers it is that of the data with each image so many
    times, but for the order of equally scored detections.

    Args:
        matches: of K classes.
        weights: ``(B, I)`` whole numbers, a row for each set of images.

    Returns:
        ``(B, K)``; NaN where a class has no object in the images that count.
    """
    return np.stack([_class_ap(each, weights) for each in matches], axis=1)


def mean_ap(class_aps: Floats) -> Floats:
    """The mean over the classes that have objects, ``(B, K)`` to ``(B,)``; NaN without one."""
    defined = ~np.isnan(class_aps)
    counts = defined.sum(axis=1)
    sums = np.where(defined, class_aps, 0).sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def interval(difference: float | None, resampled: Floats, images: int) -> Interval:
    """The percentile interval of a difference.

    Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), section 13.3. Both sides of a difference
    are computed on the same resamples, so that images that are hard for both widen nothing.

    Args:
        difference: on the images as they are.
        resampled: ``(B,)`` the same on each resample; NaN where it is undefined.
        images: how many have an object; fewer than ``FEWEST_IMAGES`` give no interval, as one would have no
            width at all.
    """
    values = resampled[~np.isnan(resampled)]
    if difference is None or images < FEWEST_IMAGES or not len(values):
        return Interval(difference, None, None)
    outside = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [outside, 100 - outside])
    return Interval(difference, float(low), float(high))


def _merge(images: Sequence[dict[str, Any] | None], thresholds: int) -> ClassMatches:
    """The matches of one class in all images; None where pycocotools has neither truth nor result."""
    known = [(position, each) for position, each in enumerate(images) if each is not None]
    objects = np.zeros(len(images))
    for position, each in known:
        objects[position] = np.count_nonzero(each["gtIgnore"] == 0)
    if not known:
        nothing = np.zeros((thresholds, 0), dtype=bool)
        return ClassMatches(np.zeros(0, dtype=np.int64), nothing, nothing, objects)
    scores = np.concatenate([each["dtScores"] for _, each in known])
    order = np.argsort(-scores, kind="stable")
    counted = ~np.concatenate([each["dtIgnore"] for _, each in known], axis=1).astype(bool)
    matched = np.concatenate([each["dtMatches"] for _, each in known], axis=1).astype(bool)
    positions = np.repeat([position for position, _ in known], [len(each["dtScores"]) for _, each in known])
    return ClassMatches(positions[order], (matched & counted)[:, order], counted[:, order], objects)


def _class_ap(matches: ClassMatches, weights: Floats) -> Floats:
    """AP of one class, ``(B, I)`` weights to ``(B,)``."""
    objects = weights @ matches.objects
    ap = np.full(len(weights), np.nan)
    present = np.flatnonzero(objects)
    rows = max(1, BLOCK // max(1, len(matches.images)))
    for start in range(0, len(present), rows):
        block = present[start : start + rows]
        precisions = _precisions(matches, weights[block], objects[block])
        ap[block] = np.mean(list(precisions), axis=0)
    return ap


def _precisions(matches: ClassMatches, weights: Floats, objects: Floats) -> Iterator[Floats]:
    """Precision averaged over recall, ``(B,)``, at each IoU in turn; every set of images has an object."""
    drawn = weights[:, matches.images]
    before: NDArray[np.bool_] | None = None
    for right, counted in zip(matches.right, matches.counted, strict=True):
        if before is None or (counted != before).any():  # mostly the same at all IoU
            detected, before = np.cumsum(drawn * counted, axis=1), counted
        # Precision and recall are needed where recall grows only.
        hits = np.flatnonzero(right)
        found = np.cumsum(drawn[:, hits], axis=1)
        precision = found / (detected[:, hits] + np.spacing(1))
        best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.searchsorted(RECALLS, found / objects[:, None], side="right")
        yield (best_from_here * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
