"""Few-shot protocols of published benchmarks."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ntt.data.coco_reader import AnnotationFile
from ntt.data.few_shot import FewShotDataset
from ntt.data.few_shot_lists import check_few_shot, write_few_shot
from ntt.data.validation import is_number, shown
from ntt.errors import InputError, did_you_mean
from ntt.io import file_sha256, stream_entries
from ntt.options import AtLeastOne, checked

logger = logging.getLogger(__name__)
WidthHeight = tuple[int, int]  # width, height


class ProtocolDataset(FewShotDataset):
    """References and targets of a few-shot protocol.

    Args:
        reference_file: COCO file that contains only the references.
        reference_images: folder of the reference images.
        target_file: annotations of the targets.
        target_images: folder of the target images.
        sampler: creates a missing reference file; None if the dataset provides the file.
        limit: maximum number of target images, the first in file order; None takes all.
        classes: names of the classes to segment; None takes those of the sampler, or else of the file.
        negatives: hard negatives, as in ``FewShotDataset``.
        boxes_only: use the target boxes as ground truth instead of segmentations; masks are not evaluated.
        if_absent: advice in the error message if a file or folder is missing.
        choices: options from which a config derives the other arguments, such as ``root``, ``seed`` and
            ``fold``; unused here.
    """

    def __init__(
        self,
        reference_file: str | Path,
        reference_images: str | Path,
        target_file: str | Path,
        target_images: str | Path,
        sampler: Sampler | None = None,
        limit: AtLeastOne | None = None,
        classes: Sequence[str] | None = None,
        negatives: str | None = None,
        boxes_only: bool = False,
        if_absent: str = "correct the path",
        **choices: object,
    ) -> None:
        super().__init__(
            reference_file,
            reference_images,
            target_file,
            target_images,
            limit=limit,
            classes=sampler.classes if classes is None and sampler is not None else classes,
            negatives=negatives,
            boxes_only=boxes_only,
            if_absent=if_absent,
        )
        self.sampler = sampler

    def check(self, strict: bool = True) -> None:
        """Check the dataset before a run; only the headers of target images are read.

        Args:
            strict: report unreadable target images as problems even if others are readable.

        Raises:
            InputError: one line per problem; a missing file or folder is reported alone.
        """
        file = self._reference_content.file
        for path in (file, self.target_file, self.reference_images, self.target_images):
            if path is not None and not path.exists():
                raise InputError(f"{path}: not found; {self.if_absent}")
        super().check(strict)

    @cached_property
    def _reference_content(self) -> AnnotationFile:
        if self.sampler is not None:
            self.sampler.provide(self.reference_file)
        return self._read_references()


class Sampler:
    """Sample references and store them in a file, so that all runs with the same seed share them.

    The algorithm is that of the code of *No time to train!* (arXiv 2507.02798); with the same annotation file
    and seed it draws the same references. Classes are processed in the order of their first annotation. The
    annotations of a class are shuffled, and the first usable ones are taken, at most one per image. The
    references for fewer shots are therefore a subset of those for more shots.

    An annotation is usable if it is neither a crowd region nor ``difficult``, and its box is at least
    ``min_side`` pixels wide and high and at least ``margin`` pixels away from every image border.

    Args:
        annotation_file: annotations in COCO format.
        shots: references per class, at least 1.
        seed: seed of the shuffling.
        classes: class names; None selects all categories of the file, or those of ``frequency``.
        frequency: LVIS frequency of the classes to keep: ``r`` (rare), ``c`` (common) or ``f`` (frequent).
        min_side: minimum box width and height in pixels.
        margin: minimum distance of the box to the image border in pixels.
        fewer: accept classes with fewer references; a class without usable annotations gets unusable ones.
        if_absent: advice in the error message if the annotation file is missing.

    Raises:
        InputError: an option has another type, or ``shots`` is below 1.
    """

    @checked
    def __init__(
        self,
        annotation_file: str | Path,
        shots: AtLeastOne,
        seed: int,
        classes: Sequence[str] | None = None,
        frequency: str | None = None,
        min_side: float = 32,
        margin: float = 10,
        fewer: bool = False,
        if_absent: str = "correct the path",
    ) -> None:
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
        """Create the reference file, or check an existing one against the sampling options.

        The annotation file may be missing if the reference file exists.

        Raises:
            InputError: the reference file was created with other options, or the annotation file is missing,
                malformed or has too few usable annotations.
        """
        if not file.exists():
            if not self.annotation_file.exists():
                raise InputError(f"{self.annotation_file}: file not found; {self.if_absent}")
            logger.info("Sampling %d references per class from %s", self.shots, self.annotation_file)
            write_few_shot(file, self.annotation_file, self.draw(), self.rule)
        elif self.annotation_file.exists():
            expected = {**self.rule, "sha256": file_sha256(self.annotation_file)}
            check_few_shot(file, expected, self.classes or ())

    def draw(self) -> dict[int, list[int]]:
        """Sample annotation ids for each category id.

        Raises:
            InputError: the annotation file is missing or malformed, does not contain a class, or has too few
                usable annotations of a class.
        """
        pool = _read_pool(self.annotation_file)
        wanted = self._wanted(pool)
        shuffler = random.Random(self.rule["seed"])
        drawn = {}
        for category, candidates in pool.candidates.items():
            if category in wanted:
                shuffler.shuffle(candidates)
                drawn[category] = self._first(candidates, pool.sizes)
        missing = [
            f"{self.annotation_file}: class {name!r} has {len(drawn.get(category, ()))} of {self.shots} "
            "required usable references; lower dataset.shots"
            for category, name in wanted.items()
            if len(drawn.get(category, ())) < (1 if self.fewer else self.shots)
        ]
        if missing:
            raise InputError("\n".join(missing))
        return drawn

    def _wanted(self, pool: _Pool) -> dict[int, str]:
        known = {entry["name"]: entry for entry in pool.categories}
        unknown = [name for name in self.classes or () if name not in known]
        if unknown:
            raise InputError(
                f"{self.annotation_file}: class {unknown[0]!r} is not among the categories. "
                f"{did_you_mean(unknown[0], known)}"
            )
        chosen = {name: known[name] for name in self.classes or known}
        letters = {name: entry.get("frequency") for name, entry in chosen.items()}
        if self.frequency is not None and not any(letters.values()):
            raise InputError(f"{self.annotation_file}: categories have no frequency; use an LVIS file")
        return {
            entry["id"]: name
            for name, entry in chosen.items()
            if self.frequency is None or letters[name] == self.frequency
        }

    def _first(self, candidates: Sequence[_Candidate], sizes: dict[int, WidthHeight]) -> list[int]:
        """Take the first usable candidates, one per image; without any and if ``fewer``, the first of all."""
        by_image: dict[int, int] = {}
        for each in candidates:
            if self._is_usable(each, sizes):
                by_image.setdefault(each.image_id, each.id)
        allowed = list(by_image.values())
        if self.fewer and not allowed:
            allowed = [each.id for each in candidates if not each.passed_over]
        return allowed[: self.shots]

    def _is_usable(self, candidate: _Candidate, sizes: dict[int, WidthHeight]) -> bool:
        (x, y, width, height), (image_width, image_height) = candidate.box, sizes[candidate.image_id]
        room = min(x, y, image_width - (x + width), image_height - (y + height))
        large = min(width, height) >= self.rule["min_side"]
        return large and room >= self.rule["margin"] and not candidate.passed_over


class _Candidate(NamedTuple):
    """An annotation; ``passed_over`` marks crowd regions and difficult objects."""

    id: int
    image_id: int
    box: tuple[float, ...]
    passed_over: bool


class _Pool(NamedTuple):
    """Sampling pool: image sizes by image id, candidates by category id in file order."""

    categories: list[dict[str, Any]]
    sizes: dict[int, WidthHeight]
    candidates: dict[int, list[_Candidate]]


def _read_pool(file: Path) -> _Pool:
    """Read an annotation file without its segmentations.

    Raises:
        InputError: an entry is malformed; the message names the first one.
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
    annotation_id, image_id = (_number(file, "annotations", entry, key) for key in ("id", "image_id"))
    box = entry.get("bbox")
    if not (isinstance(box, list) and len(box) == 4 and all(map(is_number, box))):
        what = f"bbox must be [x, y, width, height], got {shown(box)}"
        raise InputError(f"{file}: annotation {annotation_id}: {what}")
    return _Candidate(
        annotation_id, image_id, tuple(box), bool(entry.get("iscrowd") or entry.get("difficult"))
    )


def _number(file: Path, key: str, entry: Any, field: str) -> int:
    value = entry.get(field) if isinstance(entry, dict) else None
    if type(value) is not int:
        what = f"{field} must be an integer, got {shown(value)} in {shown(entry)}"
        raise InputError(f"{file}: {key}: {what}")
    return value
