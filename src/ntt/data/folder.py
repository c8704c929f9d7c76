"""References and targets in folders, for pictures that have no annotation file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from ntt.data.images import image_sizes, read_mask
from ntt.data.json_files import read_json
from ntt.data.made_masks import MadeMask
from ntt.data.masks import encode_mask
from ntt.data.prompts import read_prompt
from ntt.data.samples import (
    MINED,
    ReferenceEntry,
    References,
    Targets,
    count_problems,
    folder_targets,
    picture_problems,
    pictures_in,
)
from ntt.errors import InputError

MASK_ENDING = "_mask"
PROMPT_FORM = '{"box": [x, y, width, height]} or {"points": [[x, y], ...]}'


class FolderDataset:
    """``references/<class>/<name>.jpg`` with ``<name>_mask.png`` or ``<name>.png``, and ``targets/``.

    ``<name>.json`` with a ``box`` (x, y, width, height) or ``points`` may stand for a mask.

    Classes are labelled in the order of their folders' names. There is no ground truth.

    Args:
        root: holds ``references`` and ``targets``.
        shots: references per class, the first by name; None takes all.
        limit: at most so many target images, the first by name; None takes all.
        negatives: ``mined`` to remember the mistakes that the model makes on the references; None for none.

    Raises:
        InputError: another word for ``negatives``.
    """

    ground_truth: None = None

    def __init__(
        self,
        root: str | Path,
        shots: int | None = None,
        limit: int | None = None,
        negatives: str | None = None,
    ) -> None:
        if negatives not in (None, MINED):
            raise InputError(
                f"dataset.negatives={negatives} is not known here: give {MINED}, or null for none"
            )
        self.root = Path(root)
        self.mines_negatives = negatives == MINED
        self.negatives = References([])
        self.shots = shots
        self.limit = limit

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label."""
        return tuple(folder.name for folder in self._class_folders)

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Id of each label in results; they count from 1, as COCO's do."""
        return tuple(range(1, len(self.class_names) + 1))

    @cached_property
    def references(self) -> References:
        """The chosen references; pictures are read when asked for."""
        return References([_reference(image, label) for label, image in self._chosen()])

    @property
    def mask_file(self) -> Path:
        """Where masks that are made of the references' boxes and points are kept."""
        return self.root / "references" / "masks.json"

    def with_masks(self, made: Mapping[int, MadeMask]) -> dict[str, Any]:
        """A COCO file of the masks made of some of ``references``."""
        entries = {index + 1: self.references.entries[index] for index in made}
        names = zip(self.category_ids, self.class_names, strict=True)
        return {
            "images": [
                {
                    "id": number,
                    "file_name": entry.file.relative_to(self.mask_file.parent).as_posix(),
                    "height": entry.size[0],
                    "width": entry.size[1],
                }
                for number, entry in entries.items()
            ],
            "categories": [{"id": identity, "name": name} for identity, name in names],
            "annotations": [
                made[number - 1].annotate(
                    {"id": number, "image_id": number, "category_id": entry.label + 1, "iscrowd": 0}
                )
                for number, entry in entries.items()
            ],
        }

    @cached_property
    def targets(self) -> Targets:
        """The target images."""
        return Targets(folder_targets(self.root / "targets", self.limit))

    def true_masks(self, image_id: int | str) -> tuple[Tensor, Tensor]:
        """There are none.

        Raises:
            InputError: always.
        """
        raise InputError(f"{self.root}: has no ground truth for {image_id}; dataset=custom can have some")

    def check(self) -> None:
        """Look for everything that would stop a run later; target pictures are not read wholly.

        Raises:
            InputError: one line for each problem found.
        """
        problems = count_problems(self.shots, self.limit)
        problems = problems or [*self._reference_problems(), *self._target_problems()]
        if problems:
            raise InputError("\n".join(problems))

    def _reference_problems(self) -> list[str]:
        try:
            chosen = self._chosen()
        except InputError as error:
            return [str(error)]
        problems = []
        for label, image in chosen:
            try:
                problems += picture_problems([_reference(image, label)])
            except InputError as error:
                problems.append(str(error))
        return problems

    def _target_problems(self) -> list[str]:
        try:
            return picture_problems(folder_targets(self.root / "targets", self.limit))
        except InputError as error:
            return [str(error)]

    def _chosen(self) -> list[tuple[int, Path]]:
        """Label and picture of the first ``shots`` references of every class."""
        return [
            (label, image)
            for label, folder in enumerate(self._class_folders)
            for image in self._first_images(folder)
        ]

    def _first_images(self, folder: Path) -> list[Path]:
        images = list(_without_masks(pictures_in(folder)))
        if len(images) < (self.shots or 1):
            raise InputError(
                f"{folder}: class {folder.name!r} has {len(images)} of {self.shots or 1} references; "
                "add pictures or lower dataset.shots"
            )
        return images[: self.shots]

    @property
    def _class_folders(self) -> list[Path]:
        references = self.root / "references"
        found = references.iterdir() if references.is_dir() else ()
        folders = sorted(folder for folder in found if folder.is_dir())
        if not folders:
            raise InputError(f"{references}: holds no class; put one folder of references per class there")
        return folders


def _without_masks(files: list[Path]) -> Iterator[Path]:
    """The pictures that are not masks of others."""
    pictures = {file.stem for file in files if file.suffix.lower() != ".png"}
    for file in files:
        named_like_picture = file.suffix.lower() == ".png" and file.stem in pictures
        if not named_like_picture and not file.stem.endswith(MASK_ENDING):
            yield file


def _mask_of(image: Path) -> Path:
    """The mask file of a reference picture; it need not be there."""
    marked, same_name = image.with_name(f"{image.stem}{MASK_ENDING}.png"), image.with_suffix(".png")
    return same_name if not marked.exists() and same_name.exists() and same_name != image else marked


def _reference(image: Path, label: int) -> ReferenceEntry:
    file = _mask_of(image)
    if not file.exists():
        return _prompted(image, label)
    mask = read_mask(file)
    if not mask.any():
        raise InputError(f"{file}: the mask is empty; paint the object white on black")
    height, width = mask.shape
    return ReferenceEntry(image, (height, width), encode_mask(mask), label, str(image))


def _prompted(image: Path, label: int) -> ReferenceEntry:
    file = image.with_suffix(".json")
    if not file.exists():
        raise InputError(
            f"{image}: this reference has no mask; draw {_mask_of(image).name} beside it, "
            f"or write {file.name} with {PROMPT_FORM}"
        )
    size, _ = image_sizes(image)
    try:
        prompt = read_prompt(read_json(file, PROMPT_FORM), "box", *size)
    except ValueError as error:
        raise InputError(f"{file}: {error}") from None
    if prompt is None:
        raise InputError(f"{file}: has no prompt; write {PROMPT_FORM}")
    return ReferenceEntry(image, size, None, label, str(image), prompt)
