"""How good instances and maps are: COCO AP, the ceilings that each half of the method sets, and mIoU."""

from ntt.evaluation.ceilings import true_label_instances, true_mask_instances
from ntt.evaluation.coco_ap import coco_metrics
from ntt.evaluation.coco_results import coco_results
from ntt.evaluation.open_set import open_set_metrics
from ntt.evaluation.semantic_iou import IGNORED, semantic_metrics, true_semantic_map

__all__ = [
    "IGNORED",
    "coco_metrics",
    "coco_results",
    "open_set_metrics",
    "semantic_metrics",
    "true_label_instances",
    "true_mask_instances",
    "true_semantic_map",
]
