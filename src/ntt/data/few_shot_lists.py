"""Published reference lists of other projects."""

from __future__ import annotations

import pickle
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ntt.data.validation import shown
from ntt.errors import InputError
from ntt.io import file_sha256, read_json, stream_entries, write_json

Chosen = dict[int, list[int]]  # annotation ids by category id
# File names of TFA and its successors: one file per class.
NAMES = re.compile(r"(?:full_)?box_(?P<shots>\d+)shot_(?P<name>.+)_(?:trainval\.json|train\.txt)")
ORIGIN = "few_shot"  # key of the record


def list_files(path: Path, shots: int, classes: Collection[str] | None) -> list[Path]:
    """Return the list files of a path: the file itself, or TFA's lists in a folder.

    Args:
        path: list file, or a folder of TFA lists.
        shots: shots of the lists in a folder.
        classes: classes of the lists in a folder; None takes all.

    Raises:
        InputError: the path does not exist, or the folder lacks lists for ``shots`` or for a class.
    """
    if not path.exists():
        raise InputError(f"{path}: list not found; correct the path")
    if not path.is_dir():
        return [path]
    named = {file: NAMES.fullmatch(file.name) for file in sorted(path.iterdir())}
    found = {match["name"]: file for file, match in named.items() if match and int(match["shots"]) == shots}
    missing = [name for name in classes or () if name not in found]
    if missing or not found:
        what = f"no list for {shots} shots" + (f" of class {missing[0]!r}" if missing else "")
        raise InputError(f"{path}: contains {what}; use another folder or set dataset.shots")
    return [found[name] for name in classes or found]


def read_lists(files: Iterable[Path], annotation_file: Path) -> Chosen:
    """Read the annotation ids in reference lists, without duplicates.

    Args:
        files: pickles of *No time to train!*, TFA's JSON files for COCO, or TFA's text files for PASCAL VOC.
        annotation_file: file that contains the annotations; only read for text files, which list images.

    Raises:
        InputError: a file has another format or invalid content.
    """
    chosen: dict[int, dict[int, None]] = defaultdict(dict)
    for file in files:
        if file.suffix not in READERS:
            raise InputError(f"{file}: unknown list format; supported are {', '.join(READERS)}")
        for category, ids in READERS[file.suffix](file, annotation_file).items():
            chosen[category] |= dict.fromkeys(ids)
    return {category: list(ids) for category, ids in chosen.items()}


def _read_pickled(file: Path, _: Path) -> Chosen:
    """Read ``{category: [{"img_id": ..., "ann_ids": [...]}, ...]}``.

    The first of several ids is taken, as in the code of *No time to train!*.
    """
    content = read_pickle(file)
    try:
        chosen = {
            _whole(category): [_whole(reference["ann_ids"][0]) for reference in references]
            for category, references in content.items()
        }
    except (AttributeError, TypeError, KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"{file}: is not a list of references by category ({error!r}); see docs/datasets.md"
        ) from None
    return chosen


def _read_tfa_coco(file: Path, _: Path) -> Chosen:
    """Read a COCO file of the references of one class."""
    chosen: Chosen = defaultdict(list)
    for entry in read_json(file, "annotations").get("annotations", ()):
        try:
            chosen[_whole(entry["category_id"])].append(_whole(entry["id"]))
        except (TypeError, KeyError, ValueError):
            raise InputError(f"{file}: annotation {shown(entry)} has no id or category_id") from None
    return chosen


def _read_tfa_voc(file: Path, annotation_file: Path) -> Chosen:
    """Read a list with one image per line, of the class in its file name; take one object per shot.

    If the images show more objects, TFA samples new ones at random in each run. This reader takes the first.
    """
    match = NAMES.fullmatch(file.name)
    if match is None:
        raise InputError(f"{file}: the file name must be box_<shots>shot_<class>_train.txt")
    images, categories, objects = _index(annotation_file)
    stems = [Path(line).stem for line in file.read_text().split()]
    unknown = [stem for stem in stems if stem not in images] or {match["name"]} - categories.keys()
    if unknown:
        raise InputError(
            f"{file}: {next(iter(unknown))} is not in {annotation_file}; set dataset= to the list's dataset"
        )
    category = categories[match["name"]]
    found = [annotation_id for stem in stems for annotation_id in objects[images[stem], category]]
    return {category: found[: int(match["shots"])]}


def _index(file: Path) -> tuple[dict[str, int], dict[str, int], dict[tuple[int, int], list[int]]]:
    """Index ids: images by file stem, categories by name, annotations by image and category."""
    images: dict[str, int] = {}
    categories: dict[str, int] = {}
    objects: dict[tuple[int, int], list[int]] = defaultdict(list)
    for key, entry in stream_entries(file):
        if key == "images":
            images[Path(entry["file_name"]).stem] = entry["id"]
        elif key == "categories":
            categories[entry["name"]] = entry["id"]
        elif key == "annotations":
            objects[entry["image_id"], entry["category_id"]].append(entry["id"])
    return images, categories, objects


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{shown(value)} is not an id")
    return value


READERS = {".pkl": _read_pickled, ".json": _read_tfa_coco, ".txt": _read_tfa_voc}


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
    said = {**origin, "annotation_file": annotation_file.name, "sha256": file_sha256(annotation_file)}
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
    missing = [name for name in classes if name not in has]
    if missing:
        raise InputError(
            f"{file}: does not contain class {missing[0]!r}; remove the file to recreate it, "
            "or set dataset.reference_file to another path"
        )


def _excerpt(file: Path, chosen: Mapping[int, Collection[int]]) -> dict[str, list[dict[str, Any]]]:
    """Read the selected annotations of a file with their images and categories."""
    wanted = {annotation_id: category for category, ids in chosen.items() for annotation_id in ids}
    found: dict[str, dict[int, dict[str, Any]]] = {"images": {}, "annotations": {}, "categories": {}}
    for key, entry in stream_entries(file):
        if key in found and (key != "annotations" or entry["id"] in wanted):
            found[key][entry["id"]] = entry
    for annotation_id, category in wanted.items():
        entry = found["annotations"].get(annotation_id, {})
        if entry.get("category_id") != category or entry["image_id"] not in found["images"]:
            raise InputError(
                f"{file}: has no annotation {annotation_id} of category {category}; "
                "the references were selected from another file"
            )
    annotations = [found["annotations"][annotation_id] for annotation_id in wanted]
    images = dict.fromkeys(annotation["image_id"] for annotation in annotations)
    return {
        "images": [found["images"][annotation_id] for annotation_id in images],
        "annotations": annotations,
        "categories": [found["categories"][annotation_id] for annotation_id in sorted(chosen)],
    }


class _PlainUnpickler(pickle._Unpickler):
    """Unpickler that cannot call code: the only known class is OrderedDict, which is read as ``dict``.

    It extends the reader written in Python; the one in C allocates as many entries as a file declares.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return ``dict`` for OrderedDict and refuse all other names."""
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        raise pickle.UnpicklingError(f"it refers to {module}.{name}")


def read_pickle(file: Path) -> Any:
    """Read dictionaries, lists, tuples, numbers and strings from a pickle without executing code.

    Raises:
        InputError: the file is missing, malformed, or contains other types.
    """
    try:
        with file.open("rb") as content:
            return _PlainUnpickler(content).load()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); use a readable file") from None
    except Exception as error:  # malformed pickles raise many types of exceptions
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{file}: is not a pickle of plain lists and dictionaries ({why}); no code in it was executed"
        ) from None
