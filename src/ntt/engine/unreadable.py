"""Target images that cannot be read do not end a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch.utils.data import Dataset

from ntt.data.samples import Targets
from ntt.errors import InputError
from ntt.structures import Target


@dataclass(frozen=True)
class Unreadable:
    """Takes the place of a target image.

    Attributes:
        image_id: as the target would have it.
        file: that cannot be read.
        reason: why not, and what to do.
    """

    image_id: int | str
    file: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


NumberedTarget = tuple[int, Target | Unreadable]  # with its number in the whole data set


class TargetsOrReasons(Dataset[Target | Unreadable]):
    """Targets; why one cannot be read is yielded and not raised, which would end a worker process.

    Args:
        targets: of a data set.
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
