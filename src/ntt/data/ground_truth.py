"""Ground truth of the targets, for pycocotools and for visualisation."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace

import torch
from pycocotools.coco import COCO
from torch import Tensor

from ntt.data.annotation_entries import Annotation, AnnotationFile, ImageEntry
from ntt.data.masks import decode_mask


def as_coco(
    targets: AnnotationFile,
    images: Iterable[ImageEntry],
    annotations: Iterable[Annotation],
    categories: Mapping[int, str],
    boxes_only: bool = False,
) -> COCO:
    """Build pycocotools' COCO object, including the additional fields of LVIS and PASCAL VOC.

    Args:
        targets: content of the target file.
        images: images to evaluate.
        annotations: annotations in these images, as returned by ``translate``.
        categories: category names of the references by id.
        boxes_only: omit the masks.
    """
    ids = _shared_ids(targets, categories)
    frequencies = {ids[old]: letter for old, letter in targets.frequencies.items() if old in ids}
    coco = COCO()
    coco.dataset = {
        "images": [
            {"id": image.id, "file_name": image.file_name, "height": image.height, "width": image.width}
            | _category_list("neg_category_ids", image.negative, ids)
            | _category_list("not_exhaustive_category_ids", image.not_exhaustive, ids)
            for image in images
        ],
        "categories": [
            {"id": identity, "name": name}
            | ({"frequency": frequencies[identity]} if identity in frequencies else {})
            for identity, name in sorted(categories.items())
        ],
        "annotations": [
            {
                # Renumber from 1, because pycocotools treats a match with id 0 as unmatched.
                "id": number,
                "image_id": annotation.image_id,
                "category_id": annotation.category_id,
                "bbox": annotation.box,
                "area": annotation.area,
                "iscrowd": int(annotation.crowd),
                "difficult": int(annotation.difficult),
            }
            | ({} if boxes_only else {"segmentation": annotation.mask})
            for number, annotation in enumerate(annotations, start=1)
        ],
    }
    with redirect_stdout(io.StringIO()):  # pycocotools prints every step
        coco.createIndex()
    return coco


def translate(targets: AnnotationFile, categories: Mapping[int, str]) -> list[Annotation]:
    """Select the target annotations of the reference classes and replace their category ids, by name."""
    ids = _shared_ids(targets, categories)
    return [
        replace(annotation, category_id=ids[annotation.category_id])
        for annotation in targets.annotations
        if annotation.category_id in ids
    ]


def _shared_ids(targets: AnnotationFile, categories: Mapping[int, str]) -> dict[int, int]:
    """Map the ids of target categories to those of reference categories with the same name."""
    identities = {name: identity for identity, name in categories.items()}
    return {old: identities[name] for old, name in targets.categories.items() if name in identities}


def _category_list(
    key: str, categories: tuple[int, ...] | None, ids: Mapping[int, int]
) -> dict[str, list[int]]:
    """Translate a category list of an LVIS image; empty if the image has no such list."""
    return {} if categories is None else {key: [ids[old] for old in categories if old in ids]}


def stack_masks(annotations: Iterable[Annotation], height: int, width: int) -> Tensor:
    """Decode and stack the masks of annotations, ``(N, height, width)`` bool."""
    masks = [decode_mask(annotation.mask) for annotation in annotations]
    return torch.stack(masks) if masks else torch.zeros(0, height, width, dtype=torch.bool)
