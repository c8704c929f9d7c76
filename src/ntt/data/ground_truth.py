"""The truth about the targets, for pycocotools and for pictures."""

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
    """What was read, as pycocotools holds it, with what LVIS and PASCAL VOC add.

    Args:
        targets: the file that was read.
        images: those to evaluate.
        annotations: of ``translate``, in these images.
        categories: names of the references' categories by id.
        boxes_only: leave the masks out.
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
                # pycocotools takes the id 0 for "matched with nothing", so they are counted from 1 anew.
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
    with redirect_stdout(io.StringIO()):  # it reports each of its steps
        coco.createIndex()
    return coco


def translate(targets: AnnotationFile, categories: Mapping[int, str]) -> list[Annotation]:
    """Target annotations of the classes asked for, with the category id that the references give the name."""
    ids = _shared_ids(targets, categories)
    return [
        replace(annotation, category_id=ids[annotation.category_id])
        for annotation in targets.annotations
        if annotation.category_id in ids
    ]


def _shared_ids(targets: AnnotationFile, categories: Mapping[int, str]) -> dict[int, int]:
    """The references' id of every target category that they have by name."""
    identities = {name: identity for identity, name in categories.items()}
    return {old: identities[name] for old, name in targets.categories.items() if name in identities}


def _category_list(
    key: str, categories: tuple[int, ...] | None, ids: Mapping[int, int]
) -> dict[str, list[int]]:
    """A field of an LVIS image, of the classes asked for; nothing where the file has none."""
    return {} if categories is None else {key: [ids[old] for old in categories if old in ids]}


def stack_masks(annotations: Iterable[Annotation], height: int, width: int) -> Tensor:
    """Their masks, ``(N, height, width)`` bool."""
    masks = [decode_mask(annotation.mask) for annotation in annotations]
    return torch.stack(masks) if masks else torch.zeros(0, height, width, dtype=torch.bool)
