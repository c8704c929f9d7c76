"""Significance of a difference in AP: paired bootstrap over images."""

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
# All n images favour the same side by chance with probability 2 / 2^n, which is below 5 % for n >= 6.
FEWEST_IMAGES = 6
DETECTIONS = 100  # maximum number of detections per class and image
BLOCK = 4_000_000  # maximum number of weights (resamples times detections) in memory

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassMatches:
    """COCO matches of the detections of one class, highest score first.

    Attributes:
        images: ``(D,)`` int64, position of the image of each detection.
        right: ``(T, D)`` bool, True for true positives at each of ten IoU thresholds.
        counted: ``(T, D)`` bool, False for ignored detections.
        objects: ``(I,)`` float64, number of objects in each image.
    """

    images: NDArray[np.int64]
    right: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    objects: Floats


@dataclass(frozen=True)
class Interval:
    """Difference of AP with its 95 % confidence interval; None if undefined."""

    difference: float | None
    low: float | None
    high: float | None

    @property
    def is_chance(self) -> bool:
        """Whether the difference is not significant: the interval contains zero or is undefined."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


def match_images(ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str) -> list[ClassMatches]:
    """Match results with objects by pycocotools, once for all resamples.

    Args:
        ground_truth: Ground truth of all segmented images.
        results: Results from ``coco_results``.
        kind: ``segm`` or ``bbox``.

    Returns:
        One entry per category, in the order of the category ids; images are in the order of ``image_order``.
    """
    ground_truth, results = with_numbers(ground_truth, results)
    evaluation = COCOeval(ground_truth, load_results(ground_truth, results, kind), kind)
    evaluation.params.areaRng = evaluation.params.areaRng[ALL_AREAS : ALL_AREAS + 1]
    evaluation.params.maxDets = [DETECTIONS]
    with redirect_stdout(io.StringIO()):  # pycocotools prints each step
        evaluation.evaluate()
    count = len(evaluation.params.imgIds)
    return [
        _merge(evaluation.evalImgs[k * count : (k + 1) * count], len(evaluation.params.iouThrs))
        for k in range(len(evaluation.params.catIds))
    ]


def image_order(ground_truth: COCO) -> list[int | str]:
    """Return the image ids in the order of pycocotools; in file order if some ids are strings."""
    ids = ground_truth.getImgIds()
    return sorted(ids) if all(isinstance(image_id, int) for image_id in ids) else ids


def resample(images: int, count: int = RESAMPLES, seed: int = 0) -> Floats:
    """Draw bootstrap samples: how often each image is drawn with replacement, ``(count, images)``."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, [1 / images] * images, size=count).astype(np.float64)


def weighted_ap(matches: Sequence[ClassMatches], weights: Floats) -> Floats:
    """Compute the COCO AP by class with integer weights of the images.

    With weights of 1 it equals the AP of pycocotools. Other weights give the AP of a dataset with repeated
    images, except for the order of detections with equal scores.

    Args:
        matches: Matches of K classes.
        weights: ``(B, I)`` integers, one row per resample.

    Returns:
        ``(B, K)``; NaN if a class has no object in images with a positive weight.
    """
    return np.stack([_class_ap(each, weights) for each in matches], axis=1)


def mean_ap(class_aps: Floats) -> Floats:
    """Average over the classes with objects, ``(B, K)`` to ``(B,)``; NaN if there are none."""
    defined = ~np.isnan(class_aps)
    counts = defined.sum(axis=1)
    sums = np.where(defined, class_aps, 0).sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def percentile_interval(difference: float | None, resampled: Floats, images: int) -> Interval:
    """Compute the percentile interval of a difference.

    Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), section 13.3. Both sides of a difference
    are computed on the same resamples, so images that are hard for both do not widen the interval.

    Args:
        difference: Difference on the original images.
        resampled: ``(B,)`` difference on each resample; NaN if undefined.
        images: Number of images with an object. Below ``FEWEST_IMAGES`` there is no interval; with one image
            it would have zero width.
    """
    values = resampled[~np.isnan(resampled)]
    if difference is None or images < FEWEST_IMAGES or not len(values):
        return Interval(difference, None, None)
    outside = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [outside, 100 - outside])
    return Interval(difference, float(low), float(high))


def _merge(images: Sequence[dict[str, Any] | None], thresholds: int) -> ClassMatches:
    """Merge the matches of one class in all images; None marks images without objects and results."""
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
    """Compute the AP of one class, ``(B, I)`` weights to ``(B,)``."""
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
    """Yield the precision averaged over recall, ``(B,)``, at each IoU; every resample must have an object."""
    drawn = weights[:, matches.images]
    before: NDArray[np.bool_] | None = None
    for right, counted in zip(matches.right, matches.counted, strict=True):
        if before is None or (counted != before).any():  # usually the same at all IoU thresholds
            detected, before = np.cumsum(drawn * counted, axis=1), counted
        # Precision and recall are needed only where recall increases.
        hits = np.flatnonzero(right)
        found = np.cumsum(drawn[:, hits], axis=1)
        precision = found / (detected[:, hits] + np.spacing(1))
        best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.searchsorted(RECALLS, found / objects[:, None], side="right")
        yield (best_from_here * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
