"""Placeholders for target images that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch.utils.data import Dataset

from ntt.data.samples import Targets
from ntt.errors import InputError
from ntt.structures import Target


@dataclass(frozen=True)
class Unreadable:
    """Placeholder for a target image that cannot be read.

    Attributes:
        image_id: Id of the target image.
        file: Image file.
        reason: Why it cannot be read and how to fix it.
    """

    image_id: int | str
    file: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


NumberedTarget = tuple[int, Target | Unreadable]  # index in the whole dataset, target


class TargetsOrReasons(Dataset[Target | Unreadable]):
    """Targets of a dataset, with an :class:`Unreadable` for each image that cannot be read.

    Raising the error instead would end a worker process.

    Args:
        targets: Targets of a dataset.
    """

    def __init__(self, targets: Targets) -> None:
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Target | Unreadable:
        try:
            return self.targets[index]
        except InputError as error:
            entry = self.targets.entries[index]
            return Unreadable(entry.image_id, entry.file, str(error).removeprefix(f"{entry.file}: "))
