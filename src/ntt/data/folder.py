"""References and targets in folders, without annotation files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from ntt.data.images import image_sizes
from ntt.data.mask_images import read_masks
from ntt.data.masks import encode_mask
from ntt.data.prompts import read_prompt
from ntt.data.pseudo_masks import PseudoMask
from ntt.data.samples import (
    MINED,
    ReferenceEntry,
    References,
    TargetEntry,
    Targets,
    count_problems,
    image_problems,
    images_in,
    is_image_file,
    target_problems,
)
from ntt.errors import InputError
from ntt.io import read_json
from ntt.options import AtLeastOne

REFERENCES, TARGETS = "references", "targets"
MASK_ENDING = "_mask"
# Extensions of masks, in the order in which they are looked for.
MASK_FORMATS = (
    ".png",
    ".PNG",
    ".tif",
    ".TIF",
    ".tiff",
    ".bmp",
    ".BMP",
    ".webp",
    ".jpg",
    ".JPG",
    ".jpeg",
    ".JPEG",
)
PROMPT_FORM = '{"box": [x, y, width, height]} or {"points": [[x, y], ...]}'


class FolderLayout(ABC):
    """Location of references and targets.

    Attributes:
        home: folder of the class folders, or the folder of the only class.
        target_home: folder that target ids are relative to.
    """

    home: Path
    target_home: Path

    @abstractmethod
    def class_folders(self) -> list[Path]:
        """Return one folder per class; raise InputError without any."""

    @abstractmethod
    def examples(self, folder: Path) -> list[Path]:
        """Return the reference images of a class by name; raise InputError if the folder has no image."""

    @abstractmethod
    def targets(self) -> list[Path]:
        """Return the target images; raise InputError without any."""


class Apart(FolderLayout):
    """``references/<class>/`` and ``targets/``."""

    def __init__(self, root: Path) -> None:
        self.home, self.target_home = root / REFERENCES, root / TARGETS

    def class_folders(self) -> list[Path]:
        """See the base class."""
        found = self.home.iterdir() if self.home.is_dir() else ()
        folders = sorted(folder for folder in found if folder.is_dir())
        if not folders:
            raise InputError(f"{self.home}: contains no class; add one folder of references per class")
        return folders

    def examples(self, folder: Path) -> list[Path]:
        """See the base class."""
        return list(_without_masks(images_in(folder)))

    def targets(self) -> list[Path]:
        """See the base class."""
        return images_in(self.target_home)


class SideBySide(FolderLayout):
    """References (images with a mask, box or points) and targets in the same folders."""

    def __init__(self, root: Path, folders: list[Path]) -> None:
        self.home = self.target_home = root
        self.folders = folders

    def class_folders(self) -> list[Path]:
        """See the base class."""
        return self.folders

    def examples(self, folder: Path) -> list[Path]:
        """See the base class."""
        return [image for image in _without_masks(images_in(folder)) if _is_marked(image)]

    def targets(self) -> list[Path]:
        """See the base class."""
        images = (image for folder in self.folders for image in _without_masks(images_in(folder)))
        files = [image for image in images if not _is_marked(image)]
        if not files:
            raise InputError(f"{self.home}: every image is a reference; add images to segment")
        return files


def layout_of(root: Path) -> FolderLayout:
    """Detect the layout of a folder.

    It is ``Apart`` if the folder contains ``references`` or ``targets``, or no image; else ``SideBySide``.
    """
    if root.is_dir() and not any((root / name).is_dir() for name in (REFERENCES, TARGETS)):
        inside = sorted(root.iterdir())
        if any(map(is_image_file, inside)):
            return SideBySide(root, [root])
        folders = [path for path in inside if path.is_dir() and any(map(is_image_file, path.iterdir()))]
        if folders:
            return SideBySide(root, folders)
    return Apart(root)


def mask_of(image: Path) -> Path:
    """Return the path of a reference's mask file, which may not exist."""
    marked = [image.with_name(f"{image.stem}{MASK_ENDING}{ending}") for ending in MASK_FORMATS]
    same_name = [image.with_suffix(ending) for ending in MASK_FORMATS[:2] if image.suffix != ending]
    return next((file for file in [*marked, *same_name] if file.exists()), marked[0])


def masks_in(root: Path) -> set[Path]:
    """Return the paths of the mask files of all references in a folder, which may not exist.

    Raises:
        InputError: there is no class, or a class without an image.
    """
    layout = layout_of(root)
    return {mask_of(image) for folder in layout.class_folders() for image in layout.examples(folder)}


def prompt_of(image: Path) -> Path:
    """Return the path of the file with a reference's box or points, which may not exist."""
    return image.with_suffix(".json")


def _is_marked(image: Path) -> bool:
    return mask_of(image).exists() or prompt_of(image).exists()


def _without_masks(files: list[Path]) -> Iterator[Path]:
    """Iterate over the images that are not masks of other images."""
    images = {file.stem for file in files if file.suffix.lower() != ".png"}
    for file in files:
        named_like_image = file.suffix.lower() == ".png" and file.stem in images
        if not named_like_image and not file.stem.endswith(MASK_ENDING):
            yield file


class FolderDataset:
    """Dataset of ``references/<class>/<name>.jpg`` with masks, and ``targets/``.

    The mask of a reference is ``<name>_mask.png`` or ``<name>.png``. It may contain several objects; each is
    a reference (``read_masks``). ``<name>.json`` with a ``box`` (x, y, width, height) or ``points`` may
    replace a mask.

    Without folders of these two names, references and targets are in the same folder: images with a mask, box
    or points are references, all others are targets. If the root contains images, there is one class, named
    after the root. If it contains only folders of images, each folder is a class.

    Classes are labelled in the order of their folder names. There is no ground truth.

    Args:
        root: folder with ``references`` and ``targets``, or with images, or with one image folder per class.
        shots: references per class, the first by name; None takes all.
        limit: maximum number of target images, the first by name; None takes all.
        negatives: ``mined`` to use the model's false positives on the references as hard negatives; None for
            none.

    Raises:
        InputError: ``negatives`` has another value.
    """

    ground_truth: None = None

    def __init__(
        self,
        root: str | Path,
        shots: AtLeastOne | None = None,
        limit: AtLeastOne | None = None,
        negatives: str | None = None,
    ) -> None:
        if negatives not in (None, MINED):
            raise InputError(
                f"dataset.negatives must be {MINED} or null for a dataset of folders, got {negatives}"
            )
        self.root = Path(root)
        self.mines_negatives = negatives == MINED
        self.negatives = References([])
        self.shots = shots
        self.limit = limit

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label."""
        return tuple(map(_class_name, self._layout.class_folders()))

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Category id of each label in results, from 1 as in COCO."""
        return tuple(range(1, len(self.class_names) + 1))

    @cached_property
    def references(self) -> References:
        """The selected references; images are read on access."""
        entries: list[ReferenceEntry] = []
        problems: list[str] = []
        for label, folder in enumerate(self._layout.class_folders()):
            try:
                entries += self._of_class(label, folder)
            except InputError as error:
                problems.append(str(error))
        if problems:
            raise InputError("\n".join(problems))
        return References(entries)

    @property
    def mask_file(self) -> Path:
        """File of the pseudo masks made from the references' boxes and points."""
        return self._layout.home / "masks.json"

    def with_masks(self, made: Mapping[int, PseudoMask]) -> dict[str, Any]:
        """Build the content of a COCO file of pseudo masks.

        Args:
            made: pseudo masks by index in ``references``.
        """
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
            "categories": [{"id": category_id, "name": name} for category_id, name in names],
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
        return Targets(self._target_entries())

    def true_masks(self, image_id: int | str) -> tuple[Tensor, Tensor]:
        """Raise, because a folder has no ground truth.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"{self.root}: has no ground truth for {image_id}; use dataset=custom with an annotation file"
        )

    def check(self, strict: bool = True) -> None:
        """Check the dataset before a run; only the headers of target images are read.

        Args:
            strict: report unreadable target images as problems even if others are readable.

        Raises:
            InputError: one line per problem.
        """
        problems = count_problems(self.shots, self.limit)
        problems = problems or [*self.reference_problems(), *self._target_problems(strict)]
        if problems:
            raise InputError("\n".join(problems))

    def reference_problems(self) -> list[str]:
        """Check the references, decoding their images, and return one message per problem."""
        try:
            self.references  # noqa: B018
        except InputError as error:
            return [str(error)]
        return []

    def _target_problems(self, strict: bool) -> list[str]:
        try:
            return target_problems(self._target_entries(), strict)
        except InputError as error:
            return [str(error)]

    def _target_entries(self) -> list[TargetEntry]:
        files, home = self._layout.targets()[: self.limit], self._layout.target_home
        return [TargetEntry(file, None, file.relative_to(home).as_posix()) for file in files]

    @cached_property
    def _layout(self) -> FolderLayout:
        return layout_of(self.root)

    def _of_class(self, label: int, folder: Path) -> list[ReferenceEntry]:
        needed = self.shots or 1
        found: list[ReferenceEntry] = []
        problems: list[str] = []
        for image in self._layout.examples(folder):
            if self.shots is not None and len(found) >= self.shots:
                break
            try:
                objects = _references(image, label)
                problems += image_problems(objects[:1], whole=True)
                found += objects
            except InputError as error:
                problems.append(str(error))
        if problems:
            raise InputError("\n".join(problems))
        if len(found) < needed:
            raise InputError(
                f"{folder}: class {_class_name(folder)!r} has {len(found)} of {needed} required references; "
                f"add images with <name>{MASK_ENDING}.png or lower dataset.shots"
            )
        return found[: self.shots]


def _class_name(folder: Path) -> str:
    return folder.name if folder.name not in ("", "..") else folder.resolve().name


def _references(image: Path, label: int) -> list[ReferenceEntry]:
    """Create one reference per object in the image's mask, or one from its box or points."""
    file = mask_of(image)
    if not file.exists():
        return [_prompted(image, label)]
    masks = [encode_mask(mask) for mask in read_masks(file)]
    if not masks:
        raise InputError(f"{file}: the mask is empty; draw the object in white on black")
    sources = [f"{image}, object {k}" for k in range(1, len(masks) + 1)] if masks[1:] else [str(image)]
    return [
        ReferenceEntry(image, (mask["size"][0], mask["size"][1]), mask, label, source)
        for mask, source in zip(masks, sources, strict=True)
    ]


def _prompted(image: Path, label: int) -> ReferenceEntry:
    file = prompt_of(image)
    if not file.exists():
        raise InputError(
            f"{image}: the reference has no mask; add {mask_of(image).name}, "
            f"or {file.name} with {PROMPT_FORM}"
        )
    size, _ = image_sizes(image)
    try:
        prompt = read_prompt(read_json(file, PROMPT_FORM), "box", *size)
    except ValueError as error:
        raise InputError(f"{file}: {error}") from None
    if prompt is None:
        raise InputError(f"{file}: contains no prompt; write {PROMPT_FORM}")
    return ReferenceEntry(image, size, None, label, str(image), prompt)
