"""Evaluation: average precision of several benchmarks, mIoU, proposal recall, oracle labels and masks."""

from ntt.evaluation.base import Evaluation, kinds
from ntt.evaluation.coco_ap import CocoEvaluation, coco_results, instances_of, precision_recall
from ntt.evaluation.lvis_ap import LvisEvaluation
from ntt.evaluation.open_set import open_set_metrics
from ntt.evaluation.oracle import true_label_instances, true_mask_instances
from ntt.evaluation.proposal_recall import average_recall, best_match_iou, count_found
from ntt.evaluation.semantic_iou import IGNORED, semantic_metrics, true_semantic_map
from ntt.evaluation.voc_ap import VocEvaluation

__all__ = [
    "IGNORED",
    "CocoEvaluation",
    "Evaluation",
    "LvisEvaluation",
    "VocEvaluation",
    "average_recall",
    "best_match_iou",
    "coco_results",
    "count_found",
    "instances_of",
    "kinds",
    "open_set_metrics",
    "precision_recall",
    "semantic_metrics",
    "true_label_instances",
    "true_mask_instances",
    "true_semantic_map",
]
