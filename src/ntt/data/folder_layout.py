"""Which pictures of a folder are references of which class, and which are targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from ntt.data.samples import is_picture, pictures_in
from ntt.errors import InputError

REFERENCES, TARGETS = "references", "targets"
MASK_ENDING = "_mask"


class Layout(ABC):
    """Where references and targets are.

    Attributes:
        home: holds the folders of the classes, or is the one class itself.
        target_home: the folder that targets are called relative to.
    """

    home: Path
    target_home: Path

    @abstractmethod
    def class_folders(self) -> list[Path]:
        """One folder a class; InputError where there is none."""

    @abstractmethod
    def examples(self, folder: Path) -> list[Path]:
        """The reference pictures of a class, by name; InputError where there is no picture."""

    @abstractmethod
    def targets(self) -> list[Path]:
        """The pictures to segment; InputError where there is none."""


class Apart(Layout):
    """``references/<class>/`` and ``targets/``."""

    def __init__(self, root: Path) -> None:
        self.home, self.target_home = root / REFERENCES, root / TARGETS

    def class_folders(self) -> list[Path]:
        """See the base class."""
        found = self.home.iterdir() if self.home.is_dir() else ()
        folders = sorted(folder for folder in found if folder.is_dir())
        if not folders:
            raise InputError(f"{self.home}: holds no class; put one folder of references per class there")
        return folders

    def examples(self, folder: Path) -> list[Path]:
        """See the base class."""
        return list(_without_masks(pictures_in(folder)))

    def targets(self) -> list[Path]:
        """See the base class."""
        return pictures_in(self.target_home)


class SideBySide(Layout):
    """Pictures with a mask, a box or points, which are references, among pictures to segment."""

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
            raise InputError(f"{self.home}: every picture is a reference; add pictures to segment")
        return files


def layout_of(root: Path) -> Layout:
    """The layout of a folder: ``Apart`` if there is a folder of its names, or no picture."""
    if root.is_dir() and not any((root / name).is_dir() for name in (REFERENCES, TARGETS)):
        inside = sorted(root.iterdir())
        if any(map(is_picture, inside)):
            return SideBySide(root, [root])
        folders = [path for path in inside if path.is_dir() and any(map(is_picture, path.iterdir()))]
        if folders:
            return SideBySide(root, folders)
    return Apart(root)


def mask_of(image: Path) -> Path:
    """The mask file of a reference picture; it need not be there."""
    marked, same_name = image.with_name(f"{image.stem}{MASK_ENDING}.png"), image.with_suffix(".png")
    return same_name if not marked.exists() and same_name.exists() and same_name != image else marked


def masks_in(root: Path) -> set[Path]:
    """The mask files of the reference pictures in a folder, those that need not be there too.

    Raises:
        InputError: there is no class, or one without a picture.
    """
    layout = layout_of(root)
    return {mask_of(image) for folder in layout.class_folders() for image in layout.examples(folder)}


def prompt_of(image: Path) -> Path:
    """The file with the box or points of a reference picture; it need not be there."""
    return image.with_suffix(".json")


def _is_marked(image: Path) -> bool:
    return mask_of(image).exists() or prompt_of(image).exists()


def _without_masks(files: list[Path]) -> Iterator[Path]:
    """The pictures that are not masks of others."""
    pictures = {file.stem for file in files if file.suffix.lower() != ".png"}
    for file in files:
        named_like_picture = file.suffix.lower() == ".png" and file.stem in pictures
        if not named_like_picture and not file.stem.endswith(MASK_ENDING):
            yield file
