"""Pseudo masks made by a segmenter from boxes and points, stored in a separate COCO file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntt.data.coco_reader import read_annotations
from ntt.data.masks import Rle, mask_area, mask_box


@dataclass(frozen=True)
class PseudoMask:
    """A pseudo mask and its provenance.

    Attributes:
        mask: run lengths, never empty.
        source: the segmenter's name and ``fingerprint``, a hash of the ``image`` file, the ``prompt`` and the
            ``predicted_iou``; stored as ``mask_source`` in files.
    """

    mask: Rle
    source: dict[str, Any]

    def annotate(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        """Add this mask to a COCO annotation; an existing box is kept."""
        return {
            **annotation,
            "segmentation": {"size": self.mask["size"], "counts": self.mask["counts"].decode()},
            "area": mask_area(self.mask),
            "bbox": annotation.get("bbox") or mask_box(self.mask),
            "mask_source": self.source,
        }


def read_pseudo_masks(file: Path) -> dict[str, PseudoMask]:
    """Read the pseudo masks in a file, keyed by the ``origin`` of their source.

    Empty if the file is missing or its annotations have no ``mask_source``.
    """
    return {
        origin(annotation.mask_source): PseudoMask(annotation.mask, annotation.mask_source)
        for annotation in read_annotations(file).annotations
        if isinstance(annotation.mask_source, dict)
    }


def origin(source: Mapping[str, Any]) -> str:
    """Return a key of the inputs that determine a pseudo mask: segmenter, image and prompt."""
    return json.dumps([source.get(key) for key in ("fingerprint", "image", "prompt")], sort_keys=True)
