"""Session of one user of the page: references and results, not shared with other sessions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock

import torch

from ntt.api import Example, FewShotSegmenter
from ntt.api.images import as_tensor
from ntt.app.click_prompts import ClickPrompts, draw_thumbnail, fit
from ntt.app.models import Limits, Models, without_folder
from ntt.app.results import DisplayedResult, merge_coco
from ntt.errors import InputError
from ntt.io import write_json
from ntt.visualization.canvas import Pixels, to_pixels
from ntt.visualization.instances import SHARE_OF_BEST

# Pixels: maximum and minimum of the longer side to which reference images are resized for clicking.
EXAMPLE_SIDES = (1280, 600)
LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class Shown:
    """A reference and its thumbnail in the list."""

    example: Example
    thumbnail: Pixels


class Memory:
    """Reference memory of one encoder.

    Args:
        model: model without references.
    """

    def __init__(self, model: FewShotSegmenter) -> None:
        self.model = model
        self._ids: dict[Example, int] = {}

    def follow(self, examples: Sequence[Example]) -> None:
        """Update the memory to contain exactly these references, encoding only new ones."""
        for gone in [example for example in self._ids if example not in examples]:
            self.model.remove(self._ids.pop(gone))
        for example in examples:
            if example not in self._ids:
                encode = self.model.add if self.model.references else self.model.fit
                encode(example)
                self._ids[example] = self.model.references[-1].id


class Session:
    """State of one open page.

    Args:
        models: models shared by all sessions.
        limits: limits of the session.

    Attributes:
        lock: hold it while reading or changing the session.
        prompts: the open image with its clicks, if any.
        shown: the references.
        selected: index of the reference selected in the list, if any.
        results: results of the target images by encoder.
    """

    def __init__(self, models: Models, limits: Limits) -> None:
        self.models, self.limits = models, limits
        self.lock = RLock()
        self.prompts: ClickPrompts | None = None
        self.shown: list[Shown] = []
        self.selected: int | None = None
        self.results: dict[str, list[DisplayedResult]] = {}
        self._memories: dict[str, Memory] = {}
        self._folder = TemporaryDirectory(prefix="ntt-app-")

    def open(self, file: str) -> None:
        """Open an image for clicking.

        Raises:
            InputError: the image is unreadable or too large; the previous image stays open.
        """
        pixels = fit(to_pixels(self._read(Path(file))), *EXAMPLE_SIDES)
        image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
        self.prompts = ClickPrompts(Path(file).name, pixels, self.models.embed(image))

    def add_reference(self, name: str) -> None:
        """Add the clicked object as a reference and clear the clicks for the next object.

        Raises:
            InputError: there is no click, the name is empty or too long, or there are too many references.
        """
        name = " ".join(name.split())
        if self.prompts is None or self.prompts.mask is None:
            raise InputError("Click on an object in the image first")
        if not name:
            raise InputError("Enter a class name first")
        if len(name) > LONGEST_NAME:
            raise InputError(f"The class name has {len(name)} characters; the maximum is {LONGEST_NAME}")
        self.limits.check_examples(len(self.shown))
        pixels, mask = self.prompts.pixels, self.prompts.mask
        self.shown.append(Shown(Example(pixels, name, mask=mask), draw_thumbnail(pixels, mask)))
        self.prompts.restart()
        self._memory_changed()

    def remove(self) -> None:
        """Remove the selected reference."""
        if self.selected is None:
            raise InputError("Select a reference in the list first")
        del self.shown[self.selected]
        self._memory_changed()

    def search(self, files: Sequence[str], encoders: Sequence[str]) -> Iterator[str | None]:
        """Search the target images with each encoder, one image per step.

        Yields:
            None, or a message why the image was skipped.

        Raises:
            InputError: there are no references, no target images, or too many target images.
        """
        paths = [Path(file) for file in files]
        if not self.shown:
            raise InputError("There are no references yet; add one first")
        self.limits.check_image_count(paths)
        memories = [self._following(encoder) for encoder in encoders]
        results: dict[str, list[DisplayedResult]] = {encoder: [] for encoder in encoders}
        self.results = results
        for path in paths:
            try:
                self.limits.check_image(path)
                for encoder, memory in zip(encoders, memories, strict=True):
                    with self.models.lock:
                        results[encoder].append(DisplayedResult.of(memory.model.predict(path)))
            except InputError as error:
                yield without_folder(str(error), path)
            else:
                yield None

    def draw(self, encoder: str, threshold: float) -> list[tuple[Pixels, str]]:
        """Draw the results of an encoder that score at least ``threshold``, with a caption per image."""
        return [image.draw(threshold) for image in self.results[encoder]]

    def first_threshold(self, encoder: str) -> float:
        """Return the initial slider threshold: a fixed share of the best score of all images.

        The score ranges of encoders differ too much for one absolute threshold.
        """
        scores = [float(each.instances.scores[0]) for each in self.results[encoder] if len(each.instances)]
        return math.floor(100 * SHARE_OF_BEST * max(scores, default=0.0)) / 100

    def save_coco(self, encoder: str, threshold: float) -> Path:
        """Write the instances that ``draw`` shows as a COCO file; requires at least one image."""
        path = Path(self._folder.name, f"found_{encoder}.json")
        write_json(path, merge_coco(self.results[encoder], threshold))
        return path

    def save_memory(self, encoder: str) -> Path:
        """Write the reference memory of an encoder that has been used in a search."""
        path = Path(self._folder.name, f"memory_{encoder}.safetensors")
        self._memories[encoder].model.save(path)
        return path

    def close(self) -> None:
        """Free all memory and files when the page is closed."""
        with self.lock:
            self.prompts, self.shown = None, []
            self._memory_changed()
            self._memories = {}
            self._folder.cleanup()

    def _read(self, file: Path) -> torch.Tensor:
        self.limits.check_image(file)
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
        """Clear selection and results, which belong to the previous references."""
        self.selected, self.results = None, {}
