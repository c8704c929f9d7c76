"""Average precision as LVIS defines it, by faster-coco-eval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter
from typing import Any

import faster_coco_eval
from pycocotools.coco import COCO

from ntt.errors import InputError
from ntt.evaluation.base import Evaluation, by_class, kinds, with_numbers
from ntt.evaluation.coco_ap import FASTER, class_ap, load_results, summary

DETECTIONS = 300  # of one image that count, the best of all classes
# Where faster-coco-eval keeps what, in COCOeval_faster.all_stats with LVIS's rules.
SUMMARY = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5, "APr": 14, "APc": 15, "APf": 16}
SUMMARY["AR300"] = 6
IMAGE_FIELDS = ("neg_category_ids", "not_exhaustive_category_ids")


class LvisEvaluation(Evaluation):
    """COCO's AP by the rules of LVIS, whose annotators looked for a few classes in each image only.

    Gupta et al., *LVIS*, arXiv 1908.03195, section 2. A result counts where its class is annotated in the
    image or known to be absent (``neg_category_ids``), and where not all objects of the class are annotated
    (``not_exhaustive_category_ids``) a result that matches none is passed over. ``bbox`` and ``segm`` also
    have APs, APm, APl and AR300, and APr, APc, APf of the rare, common and frequent classes.
    """

    protocol = "LVIS"

    def check(self, ground_truth: COCO) -> None:
        """Raise InputError for the first image and the first category without LVIS's fields."""
        lacking = [
            f"image {image['id']} has no {field}"
            for field in IMAGE_FIELDS
            for image in ground_truth.dataset["images"]
            if field not in image
        ][:1] + [
            f"category {category['name']!r} has neither frequency (r, c or f) nor image_count"
            for category in ground_truth.dataset["categories"]
            if "frequency" not in category
        ][:1]
        if lacking:
            advice = "take a file of LVIS, or evaluation=coco"
            raise InputError("\n".join(f"dataset.target_file: {what}; {advice}" for what in lacking))

    def __call__(self, ground_truth: COCO, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """See the base class."""
        self.check(ground_truth)
        ground_truth, results = with_numbers(ground_truth, results)
        counted = _counted(ground_truth, results)
        judged = {kind: _evaluate(ground_truth, counted, kind) for kind in kinds(ground_truth)}
        return {
            "protocol": self.protocol,
            **{kind: summary(evaluation.all_stats, SUMMARY) for kind, evaluation in judged.items()},
            "per_class": by_class(ground_truth, **{kind: class_ap(e) for kind, e in judged.items()}),
        }


def _counted(ground_truth: COCO, results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The best of each image, of classes that were looked for there.

    faster-coco-eval leaves the others out too, but stops where an image has masks of no other classes.
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
