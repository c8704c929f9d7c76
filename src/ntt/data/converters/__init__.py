"""Converters from other annotation formats to COCO files."""

from ntt.data.converters.coco import CocoBuilder
from ntt.data.converters.labelme import convert_labelme
from ntt.data.converters.masks import convert_masks
from ntt.data.converters.voc import convert_voc
from ntt.data.converters.yolo import convert_yolo

__all__ = ["CocoBuilder", "convert_labelme", "convert_masks", "convert_voc", "convert_yolo"]
