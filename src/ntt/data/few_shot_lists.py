"""Published reference lists of other projects."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from ntt.data.json_files import read_json, stream_entries
from ntt.data.pickles import read_pickle
from ntt.data.values import shown
from ntt.errors import InputError

Chosen = dict[int, list[int]]  # annotation ids by category id

# File names of TFA and its successors: one file per class.
NAMES = re.compile(r"(?:full_)?box_(?P<shots>\d+)shot_(?P<name>.+)_(?:trainval\.json|train\.txt)")


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
    lacking = [name for name in classes or () if name not in found]
    if lacking or not found:
        what = f"no list for {shots} shots" + (f" of class {lacking[0]!r}" if lacking else "")
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
    found = [identity for stem in stems for identity in objects[images[stem], category]]
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
