"""How good instances are: average precision by benchmark, recall of proposals, ceilings of both halves."""

from ntt.evaluation.base import Evaluation
from ntt.evaluation.ceilings import true_label_instances, true_mask_instances
from ntt.evaluation.coco_ap import CocoEvaluation
from ntt.evaluation.coco_results import coco_results
from ntt.evaluation.lvis_ap import LvisEvaluation
from ntt.evaluation.proposal_recall import AverageRecall
from ntt.evaluation.voc_ap import VocEvaluation

__all__ = [
    "AverageRecall",
    "CocoEvaluation",
    "Evaluation",
    "LvisEvaluation",
    "VocEvaluation",
    "coco_results",
    "true_label_instances",
    "true_mask_instances",
]
