"""References from all inputs that the Python API accepts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ntt.api.example import Example
from ntt.data import FewShotDataset, FolderDataset
from ntt.errors import InputError
from ntt.structures import Reference

Examples: TypeAlias = Example | Iterable[Example] | str | os.PathLike[str]


@dataclass(frozen=True)
class NamedReferences:
    """References and their class names.

    Attributes:
        class_names: class names by label.
        references: references, read from disk in each iteration.
    """

    class_names: tuple[str, ...]
    references: Iterable[Reference]


def read_references(given: Examples, images: str | os.PathLike[str] | None) -> NamedReferences:
    """Read references from examples, a folder or a COCO file.

    The classes of examples are ordered by their first example.

    Args:
        given: examples, or a path.
        images: folder that file names in a COCO file are relative to; None for the folder of the file.

    Raises:
        InputError: there is no reference, or a file is invalid; one line per problem.
    """
    if isinstance(given, str | os.PathLike):
        return _of_files(Path(given), images)
    if images is not None:
        raise InputError("images must be None for examples, which contain their images; it is for COCO files")
    examples = _checked(given)
    names = tuple(dict.fromkeys(example.name for example in examples))
    return NamedReferences(names, _ExampleReferences(examples, names))


def _of_files(path: Path, images: str | os.PathLike[str] | None) -> NamedReferences:
    dataset: FewShotDataset | FolderDataset
    if path.is_dir():
        if images is not None:
            raise InputError(f"{path}: images must be None for a folder, which contains its images")
        dataset = FolderDataset(path)
    else:
        folder = path.parent if images is None else Path(images)
        dataset = FewShotDataset(path, folder, target_file=None, target_images=folder)
    problems = dataset.reference_problems()
    if problems:
        raise InputError("\n".join(problems))
    return NamedReferences(dataset.class_names, dataset.references)


def _checked(given: object) -> list[Example]:
    examples = [given] if isinstance(given, Example) else given
    if not isinstance(examples, Iterable):
        raise InputError(
            f"references must be ntt.Example objects, a COCO file or a folder, got {type(given).__name__}"
        )
    examples = list(examples)
    if not examples:
        raise InputError("references is empty; pass at least one example per class")
    for example in examples:
        if not isinstance(example, Example):
            raise InputError(f"references must contain ntt.Example objects, got {type(example).__name__}")
    return examples


class _ExampleReferences:
    """References of examples, read in each iteration."""

    def __init__(self, examples: list[Example], names: tuple[str, ...]) -> None:
        self.examples = examples
        self.names = names

    def __iter__(self) -> Iterator[Reference]:
        """Iterate over the references, one per object."""
        for example in self.examples:
            yield from example.references(self.names.index(example.name))
