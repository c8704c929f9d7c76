"""Lists of references that other projects have made and published."""

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

Chosen = dict[int, list[int]]  # ids of annotations by category id

# TFA and those after it: one file a class.
NAMES = re.compile(r"(?:full_)?box_(?P<shots>\d+)shot_(?P<name>.+)_(?:trainval\.json|train\.txt)")


def list_files(path: Path, shots: int, classes: Collection[str] | None) -> list[Path]:
    """A file as it is; of a folder, TFA's lists for so many shots and these classes.

    Raises:
        InputError: there are none, or not for every class.
    """
    if not path.exists():
        raise InputError(f"{path}: no such list; correct the path")
    if not path.is_dir():
        return [path]
    named = {file: NAMES.fullmatch(file.name) for file in sorted(path.iterdir())}
    found = {match["name"]: file for file, match in named.items() if match and int(match["shots"]) == shots}
    lacking = [name for name in classes or () if name not in found]
    if lacking or not found:
        what = f"no list of {shots} shots" + (f" for class {lacking[0]!r}" if lacking else "")
        raise InputError(f"{path}: has {what}; name another folder, or set dataset.shots")
    return [found[name] for name in classes or found]


def read_lists(files: Iterable[Path], annotation_file: Path) -> Chosen:
    """Which annotations of ``annotation_file`` some lists name, each once.

    Args:
        files: pickles of *No time to train!*, JSON files of TFA for COCO, text files of TFA for PASCAL VOC.
        annotation_file: only looked at for text files, which name pictures.

    Raises:
        InputError: a file is none of these, or says what cannot be.
    """
    chosen: dict[int, dict[int, None]] = defaultdict(dict)
    for file in files:
        if file.suffix not in READERS:
            raise InputError(f"{file}: is no list of references; known are {', '.join(READERS)}")
        for category, ids in READERS[file.suffix](file, annotation_file).items():
            chosen[category] |= dict.fromkeys(ids)
    return {category: list(ids) for category, ids in chosen.items()}


def _read_pickled(file: Path, _: Path) -> Chosen:
    """``{category: [{"img_id": ..., "ann_ids": [...]}, ...]}``; of several ids the first, as there."""
    content = read_pickle(file)
    try:
        chosen = {
            _whole(category): [_whole(reference["ann_ids"][0]) for reference in references]
            for category, references in content.items()
        }
    except (AttributeError, TypeError, KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"{file}: is no list of references by category ({error!r}); see docs/datasets.md"
        ) from None
    return chosen


def _read_tfa_coco(file: Path, _: Path) -> Chosen:
    """A COCO file of the references of one class."""
    chosen: Chosen = defaultdict(list)
    for entry in read_json(file, "annotations").get("annotations", ()):
        try:
            chosen[_whole(entry["category_id"])].append(_whole(entry["id"]))
        except (TypeError, KeyError, ValueError):
            raise InputError(f"{file}: annotation {shown(entry)} has no id or category_id") from None
    return chosen


def _read_tfa_voc(file: Path, annotation_file: Path) -> Chosen:
    """Pictures that show the class in the file's name, one a line: as many of its objects as there are shots.

    Where they show more, TFA takes some at random, and others in each run; here the first are taken.
    """
    match = NAMES.fullmatch(file.name)
    if match is None:
        raise InputError(f"{file}: is not called box_<shots>shot_<class>_train.txt; name it so")
    images, categories, objects = _index(annotation_file)
    stems = [Path(line).stem for line in file.read_text().split()]
    unknown = [stem for stem in stems if stem not in images] or {match["name"]} - categories.keys()
    if unknown:
        raise InputError(f"{file}: {next(iter(unknown))} is not in {annotation_file}; set dataset=")
    category = categories[match["name"]]
    found = [identity for stem in stems for identity in objects[images[stem], category]]
    return {category: found[: int(match["shots"])]}


def _index(file: Path) -> tuple[dict[str, int], dict[str, int], dict[tuple[int, int], list[int]]]:
    """Images by the stem of their file, categories by name, annotations by image and category."""
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
        raise ValueError(f"{shown(value)} is no id")
    return value


READERS = {".pkl": _read_pickled, ".json": _read_tfa_coco, ".txt": _read_tfa_voc}
