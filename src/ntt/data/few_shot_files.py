"""COCO files of nothing but references, which say what they were taken from and how."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ntt.data.json_files import read_json, stream_entries
from ntt.errors import InputError
from ntt.files import write_json

ORIGIN = "few_shot"  # the key that says it


def write_few_shot(
    file: Path,
    annotation_file: Path,
    chosen: Mapping[int, Collection[int]],
    origin: Mapping[str, Any],
) -> None:
    """Copy some annotations of a large file, their images and their categories, whole as they are.

    Args:
        file: the one to write; its ``few_shot`` has ``origin``, and name and SHA-256 of ``annotation_file``.
        annotation_file: in COCO's format.
        chosen: ids of annotations by category id, in the order in which they are to be written.
        origin: how they were chosen.

    Raises:
        InputError: an annotation is not in the file, or not of that category; or ``file`` cannot be written.
    """
    excerpt = _excerpt(annotation_file, chosen)
    said = {**origin, "annotation_file": annotation_file.name, "sha256": digest(annotation_file)}
    try:
        write_json(file, {ORIGIN: said, **excerpt}, indent=None)
    except OSError as error:
        raise InputError(
            f"{file}: cannot be written ({error.strerror}); give another path with dataset.reference_file"
        ) from None


def check_few_shot(file: Path, expected: Mapping[str, Any], classes: Collection[str]) -> None:
    """Refuse a file that was made of something else, or in another way.

    A file that does not say how it was made was brought by the user, and is taken as it is.

    Args:
        file: the one to check.
        expected: what its ``few_shot`` should say, as far as it says it.
        classes: which categories it should have.

    Raises:
        InputError: what does not fit.
    """
    content = read_json(file, "few_shot, images, annotations and categories")
    origin = content.get(ORIGIN)
    if not isinstance(origin, dict):
        return
    for key, value in expected.items():
        if origin.get(key, value) != value:
            raise InputError(
                f"{file}: few_shot.{key} is {origin[key]!r}, not {value!r}; "
                "remove the file to have it made anew, or give another with dataset.reference_file"
            )
    has = {entry.get("name") for entry in content.get("categories", ()) if isinstance(entry, dict)}
    lacking = [name for name in classes if name not in has]
    if lacking:
        raise InputError(
            f"{file}: class {lacking[0]!r} is not in it; remove the file to have it made anew, "
            "or give another with dataset.reference_file"
        )


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _excerpt(file: Path, chosen: Mapping[int, Collection[int]]) -> dict[str, list[dict[str, Any]]]:
    """Images, annotations and categories of a file, as far as they are chosen."""
    wanted = {identity: category for category, ids in chosen.items() for identity in ids}
    found: dict[str, dict[int, dict[str, Any]]] = {"images": {}, "annotations": {}, "categories": {}}
    for key, entry in stream_entries(file):
        if key in found and (key != "annotations" or entry["id"] in wanted):
            found[key][entry["id"]] = entry
    for identity, category in wanted.items():
        entry = found["annotations"].get(identity, {})
        if entry.get("category_id") != category or entry["image_id"] not in found["images"]:
            raise InputError(
                f"{file}: has no annotation {identity} of category {category}; "
                "the references were chosen in another file"
            )
    annotations = [found["annotations"][identity] for identity in wanted]
    images = dict.fromkeys(annotation["image_id"] for annotation in annotations)
    return {
        "images": [found["images"][identity] for identity in images],
        "annotations": annotations,
        "categories": [found["categories"][identity] for identity in sorted(chosen)],
    }
