"""What one visitor of the page has shown and found; nobody else sees it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock

import torch

from ntt.api import Example, FewShotSegmenter
from ntt.api.pictures import as_tensor
from ntt.app.clicking import Clicking
from ntt.app.drawing import draw_thumbnail, fit
from ntt.app.found import Found, coco_file
from ntt.app.limits import Limits, without_folder
from ntt.app.models import Models
from ntt.errors import InputError
from ntt.files import write_json
from ntt.reporting.pictures.canvas import Pixels, to_pixels
from ntt.reporting.pictures.instances import SHARE_OF_BEST

EXAMPLE_SIDES = (
    1280,
    600,
)  # pixels; longer examples are made smaller, and shorter ones larger, to be clicked on
LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class Shown:
    """An example that was added, and what the list shows of it."""

    example: Example
    thumbnail: Pixels


class Memory:
    """The memory of one encoder.

    Args:
        model: with nothing remembered.
    """

    def __init__(self, model: FewShotSegmenter) -> None:
        self.model = model
        self._ids: dict[Example, int] = {}

    def follow(self, examples: Sequence[Example]) -> None:
        """Remember these and no others; what is remembered already is not encoded again."""
        for gone in [example for example in self._ids if example not in examples]:
            self.model.remove(self._ids.pop(gone))
        for example in examples:
            if example not in self._ids:
                remember = self.model.add if self.model.references else self.model.fit
                remember(example)
                self._ids[example] = self.model.references[-1].id


class Session:
    """The state behind one open page.

    Args:
        models: shared by all sessions.
        limits: of one session.

    Attributes:
        lock: to be held while it is changed or read.
        clicking: the picture that is open, if one is.
        shown: what was added to the memory.
        selected: index of the one that was selected in the list.
        found: for each encoder that searched, its pictures.
    """

    def __init__(self, models: Models, limits: Limits) -> None:
        self.models, self.limits = models, limits
        self.lock = RLock()
        self.clicking: Clicking | None = None
        self.shown: list[Shown] = []
        self.selected: int | None = None
        self.found: dict[str, list[Found]] = {}
        self._memories: dict[str, Memory] = {}
        self._folder = TemporaryDirectory(prefix="ntt-app-")

    def open(self, file: str) -> None:
        """Show a picture to click on.

        Raises:
            InputError: it cannot be read, or is too large; the picture before stays.
        """
        pixels = fit(to_pixels(self._read(Path(file))), *EXAMPLE_SIDES)
        image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
        self.clicking = Clicking(Path(file).name, pixels, self.models.embed(image))

    def remember(self, name: str) -> None:
        """Add what was clicked to the memory, and be ready for the next object of the same picture.

        Raises:
            InputError: nothing was clicked, the name is absent or too long, or there are too many examples.
        """
        name = " ".join(name.split())
        if self.clicking is None or self.clicking.mask is None:
            raise InputError("Click on an object in the picture first")
        if not name:
            raise InputError("Give the object a name first")
        if len(name) > LONGEST_NAME:
            raise InputError(f"This name has {len(name)} letters; make it {LONGEST_NAME} at most")
        self.limits.check_examples(len(self.shown))
        pixels, mask = self.clicking.pixels, self.clicking.mask
        self.shown.append(Shown(Example(pixels, name, mask=mask), draw_thumbnail(pixels, mask)))
        self.clicking.restart()
        self._memory_changed()

    def remove(self) -> None:
        """Forget the example that is selected."""
        if self.selected is None:
            raise InputError("Select an example in the list first")
        del self.shown[self.selected]
        self._memory_changed()

    def search(self, files: Sequence[str], encoders: Sequence[str]) -> Iterator[str | None]:
        """Search pictures with each encoder, one picture a step.

        Yields:
            None, or one line that says why a picture was left out.

        Raises:
            InputError: nothing is remembered, there is no picture or there are too many.
        """
        paths = [Path(file) for file in files]
        if not self.shown:
            raise InputError("Nothing is remembered yet: add an example first")
        self.limits.check_pictures(paths)
        memories = [self._following(encoder) for encoder in encoders]
        found: dict[str, list[Found]] = {encoder: [] for encoder in encoders}
        self.found = found
        for path in paths:
            try:
                self.limits.check_picture(path)
                for encoder, memory in zip(encoders, memories, strict=True):
                    with self.models.lock:
                        found[encoder].append(Found.of(memory.model.predict(path)))
            except InputError as error:
                yield without_folder(str(error), path)
            else:
                yield None

    def draw(self, encoder: str, threshold: float) -> list[tuple[Pixels, str]]:
        """The pictures that an encoder has searched, with what scores at least ``threshold``."""
        return [picture.draw(threshold) for picture in self.found[encoder]]

    def first_threshold(self, encoder: str) -> float:
        """Where the slider is put after a search: what looks sure beside the best of all pictures.

        Scores of encoders differ too much for one number to suit them all.
        """
        scores = [float(each.instances.scores[0]) for each in self.found[encoder] if len(each.instances)]
        return math.floor(100 * SHARE_OF_BEST * max(scores, default=0.0)) / 100

    def save_coco(self, encoder: str, threshold: float) -> Path:
        """Write what ``draw`` shows, one picture at least, as a COCO file."""
        path = Path(self._folder.name, f"found_{encoder}.json")
        write_json(path, coco_file(self.found[encoder], threshold))
        return path

    def save_memory(self, encoder: str) -> Path:
        """Write what an encoder that has searched remembers."""
        path = Path(self._folder.name, f"memory_{encoder}.safetensors")
        self._memories[encoder].model.save(path)
        return path

    def close(self) -> None:
        """Free everything; the page was closed."""
        with self.lock:
            self.clicking, self.shown = None, []
            self._memory_changed()
            self._memories = {}
            self._folder.cleanup()

    def _read(self, file: Path) -> torch.Tensor:
        self.limits.check_picture(file)
        try:
            return as_tensor(file, file.name)
        except InputError as error:
            raise InputError(without_folder(str(error), file)) from error

    def _following(self, encoder: str) -> Memory:
        if encoder not in self._memories:
            self._memories[encoder] = Memory(self.models.new(encoder))
        with self.models.lock:
            self._memories[encoder].follow([each.example for each in self.shown])
        return self._memories[encoder]

    def _memory_changed(self) -> None:
        """What was found was found with another memory."""
        self.selected, self.found = None, {}
