"""How good instances are: COCO average precision, and the ceilings that each half of the method sets."""

from ntt.evaluation.ceilings import true_label_instances, true_mask_instances
from ntt.evaluation.coco_ap import coco_metrics
from ntt.evaluation.coco_results import coco_results
from ntt.evaluation.open_set import open_set_metrics

__all__ = ["coco_metrics", "coco_results", "open_set_metrics", "true_label_instances", "true_mask_instances"]
