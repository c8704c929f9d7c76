"""References in every form that the Python interface takes."""

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
    """References, read as they are asked for, each time that they are.

    Attributes:
        class_names: of each label.
        references: of these labels.
    """

    class_names: tuple[str, ...]
    references: Iterable[Reference]


def read_references(given: Examples, images: str | os.PathLike[str] | None) -> NamedReferences:
    """Examples, the first of a class deciding its place; a folder; or a COCO file.

    Args:
        given: examples, or a path.
        images: the folder that the names in a COCO file are relative to; None for that of the file.

    Raises:
        InputError: there is no reference, or something is wrong with a file; a line for each problem.
    """
    if isinstance(given, str | os.PathLike):
        return _of_files(Path(given), images)
    if images is not None:
        raise InputError("a folder of images goes with a COCO file; the examples have their own")
    examples = _checked(given)
    names = tuple(dict.fromkeys(example.name for example in examples))
    return NamedReferences(names, _ExampleReferences(examples, names))


def _of_files(path: Path, images: str | os.PathLike[str] | None) -> NamedReferences:
    dataset: FewShotDataset | FolderDataset
    if path.is_dir():
        if images is not None:
            raise InputError(f"{path}: holds its own pictures; a folder of images goes with a COCO file")
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
            f"references is a {type(given).__name__}; give ntt.Example objects, a COCO file or a folder"
        )
    examples = list(examples)
    if not examples:
        raise InputError("references is empty; give one example of each class at least")
    for example in examples:
        if not isinstance(example, Example):
            raise InputError(f"references holds a {type(example).__name__}; make it ntt.Example objects")
    return examples


class _ExampleReferences:
    """Those of examples, read each time that they are gone through."""

    def __init__(self, examples: list[Example], names: tuple[str, ...]) -> None:
        self.examples = examples
        self.names = names

    def __iter__(self) -> Iterator[Reference]:
        """One an object."""
        for example in self.examples:
            yield from example.references(self.names.index(example.name))
