"""LVIS average precision, computed by faster-coco-eval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter
from typing import Any

import faster_coco_eval
from pycocotools.coco import COCO

from ntt.errors import InputError
from ntt.evaluation.base import Evaluation, ap_by_class, kinds, with_numbers
from ntt.evaluation.coco_ap import FASTER, class_ap, load_results, summary

DETECTIONS = 300  # maximum number of detections per image over all classes
# Positions of the metrics in COCOeval_faster.all_stats with lvis_style=True.
SUMMARY = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5, "APr": 14, "APc": 15, "APf": 16}
SUMMARY["AR300"] = 6
IMAGE_FIELDS = ("neg_category_ids", "not_exhaustive_category_ids")


class LvisEvaluation(Evaluation):
    """COCO AP with the LVIS protocol for federated annotations: each image is annotated for few classes.

    Gupta et al., *LVIS*, arXiv 1908.03195, section 2. A result counts only if its class is annotated in the
    image or verified as absent (``neg_category_ids``). If not all objects of the class are annotated
    (``not_exhaustive_category_ids``), unmatched results are ignored. ``bbox`` and ``segm`` also have APs,
    APm, APl and AR300, and APr, APc, APf for the rare, common and frequent classes.
    """

    protocol = "LVIS"

    def check(self, ground_truth: COCO) -> None:
        """Raise InputError for the first image and the first category that lack LVIS fields."""
        missing = [
            f"image {image['id']} has no {field}"
            for field in IMAGE_FIELDS
            for image in ground_truth.dataset["images"]
            if field not in image
        ][:1] + [
            f"category {category['name']!r} has neither frequency (r, c or f) nor image_count"
            for category in ground_truth.dataset["categories"]
            if "frequency" not in category
        ][:1]
        if missing:
            advice = "use an LVIS file or evaluation=coco"
            raise InputError("\n".join(f"dataset.target_file: {what}; {advice}" for what in missing))

    def __call__(self, ground_truth: COCO, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """See the base class."""
        self.check(ground_truth)
        ground_truth, results = with_numbers(ground_truth, results)
        counted = _counted(ground_truth, results)
        evaluated = {kind: _evaluate(ground_truth, counted, kind) for kind in kinds(ground_truth)}
        return {
            "protocol": self.protocol,
            **{kind: summary(evaluation.all_stats, SUMMARY) for kind, evaluation in evaluated.items()},
            "per_class": ap_by_class(ground_truth, **{kind: class_ap(e) for kind, e in evaluated.items()}),
        }


def _counted(ground_truth: COCO, results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the best results of each image whose classes were annotated or verified there.

    faster-coco-eval also drops the other results, but fails if an image has only masks of such classes.
    """
    looked_for = {image["id"]: set(image["neg_category_ids"]) for image in ground_truth.dataset["images"]}
    for annotation in ground_truth.dataset["annotations"]:
        looked_for[annotation["image_id"]].add(annotation["category_id"])
    images = defaultdict(list)
    for result in results:
        images[result["image_id"]].append(result)
    return [
        result
        for image, found in images.items()
        for result in nlargest(DETECTIONS, found, key=itemgetter("score"))
        if result["category_id"] in looked_for[image]
    ]


def _evaluate(
    ground_truth: COCO, results: Sequence[dict[str, Any]], kind: str
) -> faster_coco_eval.COCOeval_faster:
    truth = faster_coco_eval.COCO(ground_truth.dataset)
    evaluation = FASTER(truth, load_results(ground_truth, results, kind), kind, lvis_style=True)
    evaluation.params.maxDets = [DETECTIONS]
    evaluation.run()
    return evaluation
