"""Folder layouts: assign the images of a folder to references, classes and targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from ntt.data.samples import is_picture, pictures_in
from ntt.errors import InputError

REFERENCES, TARGETS = "references", "targets"
MASK_ENDING = "_mask"


class Layout(ABC):
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


class Apart(Layout):
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
        return list(_without_masks(pictures_in(folder)))

    def targets(self) -> list[Path]:
        """See the base class."""
        return pictures_in(self.target_home)


class SideBySide(Layout):
    """References (images with a mask, box or points) and targets in the same folders."""

    def __init__(self, root: Path, folders: list[Path]) -> None:
        self.home = self.target_home = root
        self.folders = folders

    def class_folders(self) -> list[Path]:
        """See the base class."""
        return self.folders

    def examples(self, folder: Path) -> list[Path]:
        """See the base class."""
        return [image for image in _without_masks(pictures_in(folder)) if _is_marked(image)]

    def targets(self) -> list[Path]:
        """See the base class."""
        pictures = (image for folder in self.folders for image in _without_masks(pictures_in(folder)))
        files = [image for image in pictures if not _is_marked(image)]
        if not files:
            raise InputError(f"{self.home}: every image is a reference; add images to segment")
        return files


def layout_of(root: Path) -> Layout:
    """Detect the layout of a folder.

    It is ``Apart`` if the folder contains ``references`` or ``targets``, or no image; else ``SideBySide``.
    """
    if root.is_dir() and not any((root / name).is_dir() for name in (REFERENCES, TARGETS)):
        inside = sorted(root.iterdir())
        if any(map(is_picture, inside)):
            return SideBySide(root, [root])
        folders = [path for path in inside if path.is_dir() and any(map(is_picture, path.iterdir()))]
        if folders:
            return SideBySide(root, folders)
    return Apart(root)


def mask_of(image: Path) -> Path:
    """Return the path of a reference's mask file, which may not exist."""
    marked, same_name = image.with_name(f"{image.stem}{MASK_ENDING}.png"), image.with_suffix(".png")
    return same_name if not marked.exists() and same_name.exists() and same_name != image else marked


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
    pictures = {file.stem for file in files if file.suffix.lower() != ".png"}
    for file in files:
        named_like_picture = file.suffix.lower() == ".png" and file.stem in pictures
        if not named_like_picture and not file.stem.endswith(MASK_ENDING):
            yield file
