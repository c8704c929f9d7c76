"""How good instances are: COCO average precision, and the ceilings that each half of the method sets."""

from ntt.evaluation.ceilings import true_label_instances, true_mask_instances
from ntt.evaluation.coco_ap import coco_metrics
from ntt.evaluation.coco_results import coco_results

__all__ = ["coco_metrics", "coco_results", "true_label_instances", "true_mask_instances"]
