"""COCO files of references that record how the references were selected."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ntt.data.json_files import read_json, stream_entries
from ntt.errors import InputError
from ntt.files import write_json

ORIGIN = "few_shot"  # key of the record


def write_few_shot(
    file: Path,
    annotation_file: Path,
    chosen: Mapping[int, Collection[int]],
    origin: Mapping[str, Any],
) -> None:
    """Copy selected annotations of a large file with their images and categories, unchanged.

    Args:
        file: output file; its key ``few_shot`` holds ``origin``, and name and SHA-256 of ``annotation_file``.
        annotation_file: annotations in COCO format.
        chosen: annotation ids by category id, in output order.
        origin: record of how the annotations were selected.

    Raises:
        InputError: an annotation is missing from the file or has another category, or ``file`` cannot be
            written.
    """
    excerpt = _excerpt(annotation_file, chosen)
    said = {**origin, "annotation_file": annotation_file.name, "sha256": digest(annotation_file)}
    try:
        write_json(file, {ORIGIN: said, **excerpt}, indent=None)
    except OSError as error:
        raise InputError(
            f"{file}: cannot be written ({error.strerror}); set dataset.reference_file to another path"
        ) from None


def check_few_shot(file: Path, expected: Mapping[str, Any], classes: Collection[str]) -> None:
    """Check that a reference file was created from the expected annotations with the expected options.

    A file without a record comes from the user and is accepted unchecked.

    Args:
        file: reference file.
        expected: expected values of its record ``few_shot``; keys missing from the record are ignored.
        classes: names of categories that it must contain.

    Raises:
        InputError: a value differs or a class is missing.
    """
    content = read_json(file, "few_shot, images, annotations and categories")
    origin = content.get(ORIGIN)
    if not isinstance(origin, dict):
        return
    for key, value in expected.items():
        if origin.get(key, value) != value:
            raise InputError(
                f"{file}: few_shot.{key} is {origin[key]!r}, expected {value!r}; "
                "remove the file to recreate it, or set dataset.reference_file to another path"
            )
    has = {entry.get("name") for entry in content.get("categories", ()) if isinstance(entry, dict)}
    lacking = [name for name in classes if name not in has]
    if lacking:
        raise InputError(
            f"{file}: does not contain class {lacking[0]!r}; remove the file to recreate it, "
            "or set dataset.reference_file to another path"
        )


def digest(file: Path) -> str:
    """Compute the SHA-256 of a file as a hexadecimal string."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _excerpt(file: Path, chosen: Mapping[int, Collection[int]]) -> dict[str, list[dict[str, Any]]]:
    """Read the selected annotations of a file with their images and categories."""
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
                "the references were selected from another file"
            )
    annotations = [found["annotations"][identity] for identity in wanted]
    images = dict.fromkeys(annotation["image_id"] for annotation in annotations)
    return {
        "images": [found["images"][identity] for identity in images],
        "annotations": annotations,
        "categories": [found["categories"][identity] for identity in sorted(chosen)],
    }
