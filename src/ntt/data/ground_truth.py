"""The truth about the targets, for pycocotools and for pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace

import torch
from pycocotools.coco import COCO
from torch import Tensor

from ntt.data.annotations import Annotation, AnnotationFile, ImageEntry
from ntt.data.masks import decode_mask


def as_coco(
    images: Iterable[ImageEntry], annotations: Iterable[Annotation], categories: Mapping[int, str]
) -> COCO:
    """What was read, as pycocotools holds it."""
    coco = COCO()
    coco.dataset = {
        "images": [
            {"id": image.id, "file_name": image.file_name, "height": image.height, "width": image.width}
            for image in images
        ],
        "categories": [{"id": identity, "name": name} for identity, name in sorted(categories.items())],
        "annotations": [
            {
                # pycocotools takes the id 0 for "matched with nothing", so they are counted from 1 anew.
                "id": number,
                "image_id": annotation.image_id,
                "category_id": annotation.category_id,
                "segmentation": annotation.mask,
                "bbox": annotation.box,
                "area": annotation.area,
                "iscrowd": int(annotation.crowd),
            }
            for number, annotation in enumerate(annotations, start=1)
        ],
    }
    with redirect_stdout(io.StringIO()):  # it reports each of its steps
        coco.createIndex()
    return coco


def translate(targets: AnnotationFile, categories: Mapping[int, str]) -> list[Annotation]:
    """Target annotations of the classes asked for, with the category id that the references give the name."""
    identities = {name: identity for identity, name in categories.items()}
    return [
        replace(annotation, category_id=identities[targets.categories[annotation.category_id]])
        for annotation in targets.annotations
        if targets.categories[annotation.category_id] in identities
    ]


def stack_masks(annotations: Iterable[Annotation], height: int, width: int) -> Tensor:
    """Their masks, ``(N, height, width)`` bool."""
    masks = [decode_mask(annotation.mask) for annotation in annotations]
    return torch.stack(masks) if masks else torch.zeros(0, height, width, dtype=torch.bool)
