"""Which annotations of a large data set become the references."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ntt.data.few_shot_files import check_few_shot, digest, write_few_shot
from ntt.data.json_files import stream_entries
from ntt.data.values import is_number, shown
from ntt.errors import InputError, did_you_mean

logger = logging.getLogger(__name__)

Size = tuple[int, int]  # width, height


class Sampler:
    """Draws references and keeps them in a file, so that every run with a seed has the same.

    It draws as the code of *No time to train!* (arXiv 2507.02798) does, and from the same file with the same
    seed, the same: classes in the order in which annotations first show them; of each, all annotations are
    shuffled and gone through, and the first usable ones are taken, one of an image. So references for fewer
    shots are among those for more.

    Usable is what is no crowd and not ``difficult``, and has a box of at least ``min_side`` pixels in width
    and height, with ``margin`` pixels between it and every side of the image.

    Args:
        annotation_file: in COCO's format.
        shots: references a class.
        seed: another one draws others.
        classes: names; None: all categories of the file, or those of ``frequency``.
        frequency: ``r``, ``c`` or ``f``: only the classes that LVIS's file calls rare, common or frequent.
        min_side: pixels.
        margin: pixels.
        fewer: whether a class may have fewer; one without a usable annotation then gets unusable ones.
        if_absent: what to do where there is no annotation file, for the message.

    Raises:
        InputError: less than one shot.
    """

    def __init__(
        self,
        annotation_file: str | Path,
        shots: int,
        seed: int,
        classes: Sequence[str] | None = None,
        frequency: str | None = None,
        min_side: float = 32,
        margin: float = 10,
        fewer: bool = False,
        if_absent: str = "correct the path",
    ) -> None:
        if not shots or shots < 1:
            raise InputError(f"dataset.shots is {shots}; make it 1 or more")
        self.annotation_file = Path(annotation_file)
        self.shots = shots
        self.classes = None if classes is None else tuple(classes)
        self.frequency = frequency
        self.fewer = fewer
        self.if_absent = if_absent
        self.rule: dict[str, Any] = {
            "shots": shots,
            "seed": seed,
            "frequency": frequency,
            "min_side": min_side,
            "margin": margin,
            "fewer": fewer,
        }

    def provide(self, file: Path) -> None:
        """Make a file of the references, if it is not there; else see to it that it fits.

        A file that is there is enough: the annotation file may then be absent.

        Raises:
            InputError: it does not fit, or the annotation file is absent, broken or has too little.
        """
        if not file.exists():
            if not self.annotation_file.exists():
                raise InputError(f"{self.annotation_file}: is not there; {self.if_absent}")
            logger.info("References: drawing %d a class from %s", self.shots, self.annotation_file)
            write_few_shot(file, self.annotation_file, self.draw(), self.rule)
        elif self.annotation_file.exists():
            expected = {**self.rule, "sha256": digest(self.annotation_file)}
            check_few_shot(file, expected, self.classes or ())

    def draw(self) -> dict[int, list[int]]:
        """Ids of annotations by category id.

        Raises:
            InputError: the annotation file is absent or broken, lacks a class, or has too little of one.
        """
        pool = _read_pool(self.annotation_file)
        wanted = self._wanted(pool)
        shuffler = random.Random(self.rule["seed"])
        drawn = {}
        for category, candidates in pool.candidates.items():
            if category in wanted:
                shuffler.shuffle(candidates)
                drawn[category] = self._first(candidates, pool.sizes)
        lacking = [
            f"{self.annotation_file}: class {name!r} has {len(drawn.get(category, ()))} usable references "
            f"of {self.shots}; lower dataset.shots"
            for category, name in wanted.items()
            if len(drawn.get(category, ())) < (1 if self.fewer else self.shots)
        ]
        if lacking:
            raise InputError("\n".join(lacking))
        return drawn

    def _wanted(self, pool: _Pool) -> dict[int, str]:
        known = {entry["name"]: entry for entry in pool.categories}
        unknown = [name for name in self.classes or () if name not in known]
        if unknown:
            raise InputError(
                f"{self.annotation_file}: class {unknown[0]!r} is no category. "
                f"{did_you_mean(unknown[0], known)}"
            )
        chosen = {name: known[name] for name in self.classes or known}
        letters = {name: entry.get("frequency") for name, entry in chosen.items()}
        if self.frequency is not None and not any(letters.values()):
            raise InputError(f"{self.annotation_file}: categories have no frequency; take a file of LVIS")
        return {
            entry["id"]: name
            for name, entry in chosen.items()
            if self.frequency is None or letters[name] == self.frequency
        }

    def _first(self, candidates: Sequence[_Candidate], sizes: dict[int, Size]) -> list[int]:
        """The first usable ones, one of an image; if there is none and fewer will do, the first of all."""
        by_image: dict[int, int] = {}
        for each in candidates:
            if self._is_usable(each, sizes):
                by_image.setdefault(each.image_id, each.id)
        allowed = list(by_image.values())
        if self.fewer and not allowed:
            allowed = [each.id for each in candidates if not each.passed_over]
        return allowed[: self.shots]

    def _is_usable(self, candidate: _Candidate, sizes: dict[int, Size]) -> bool:
        (x, y, width, height), (image_width, image_height) = candidate.box, sizes[candidate.image_id]
        room = min(x, y, image_width - (x + width), image_height - (y + height))
        large = min(width, height) >= self.rule["min_side"]
        return large and room >= self.rule["margin"] and not candidate.passed_over


class _Candidate(NamedTuple):
    """An annotation; ``passed_over`` are crowds and difficult ones."""

    id: int
    image_id: int
    box: tuple[float, ...]
    passed_over: bool


class _Pool(NamedTuple):
    """What there is to draw from: sizes by image id, candidates by category id as they come."""

    categories: list[dict[str, Any]]
    sizes: dict[int, Size]
    candidates: dict[int, list[_Candidate]]


def _read_pool(file: Path) -> _Pool:
    """Read an annotation file, without its outlines.

    Raises:
        InputError: the first entry that is broken.
    """
    pool = _Pool([], {}, defaultdict(list))
    for key, entry in stream_entries(file):
        if key == "images":
            pool.sizes[_number(file, key, entry, "id")] = (
                _number(file, key, entry, "width"),
                _number(file, key, entry, "height"),
            )
        elif key == "categories":
            _number(file, key, entry, "id")
            pool.categories.append({"name": "", **entry})
        elif key == "annotations":
            category = _number(file, key, entry, "category_id")
            pool.candidates[category].append(_candidate(file, entry))
    for candidate in (each for candidates in pool.candidates.values() for each in candidates):
        if candidate.image_id not in pool.sizes:
            raise InputError(
                f"{file}: annotation {candidate.id}: image_id {candidate.image_id} is not among the images; "
                "add the image or remove the annotation"
            )
    return pool


def _candidate(file: Path, entry: dict[str, Any]) -> _Candidate:
    identity, image_id = (_number(file, "annotations", entry, key) for key in ("id", "image_id"))
    box = entry.get("bbox")
    if not (isinstance(box, list) and len(box) == 4 and all(map(is_number, box))):
        what = f"bbox is {shown(box)}; make it [x, y, width, height]"
        raise InputError(f"{file}: annotation {identity}: {what}")
    return _Candidate(identity, image_id, tuple(box), bool(entry.get("iscrowd") or entry.get("difficult")))


def _number(file: Path, key: str, entry: Any, field: str) -> int:
    value = entry.get(field) if isinstance(entry, dict) else None
    if type(value) is not int:
        what = f"{field} of {shown(entry)} is {shown(value)}; make it a whole number"
        raise InputError(f"{file}: {key}: {what}")
    return value
