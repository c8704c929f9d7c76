"""Masks that a segmenter made of boxes and points, in a COCO file of their own that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntt.data.annotations import read_annotations
from ntt.data.masks import Rle, mask_area, mask_box


@dataclass(frozen=True)
class MadeMask:
    """A mask and what it was made by and of.

    Attributes:
        mask: never empty.
        source: the segmenter's name, its ``fingerprint``, a digest of the ``picture``, the ``prompt`` and the
            ``predicted_iou``; ``mask_source`` in files.
    """

    mask: Rle
    source: dict[str, Any]

    def annotate(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        """A COCO annotation with this mask; its box stays, if it has one."""
        return {
            **annotation,
            "segmentation": {"size": self.mask["size"], "counts": self.mask["counts"].decode()},
            "area": mask_area(self.mask),
            "bbox": annotation.get("bbox") or mask_box(self.mask),
            "mask_source": self.source,
        }


def read_made_masks(file: Path) -> dict[str, MadeMask]:
    """The masks in a file whose origin is known, by what ``origin`` says of their source.

    Empty where there is no such file, or none that was written here.
    """
    return {
        origin(annotation.mask_source): MadeMask(annotation.mask, annotation.mask_source)
        for annotation in read_annotations(file).annotations
        if isinstance(annotation.mask_source, dict)
    }


def origin(source: Mapping[str, Any]) -> str:
    """What a mask depends on; a mask made of the same would be the same."""
    return json.dumps([source.get(key) for key in ("fingerprint", "picture", "prompt")], sort_keys=True)
