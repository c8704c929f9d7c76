"""Networks shared by all sessions of the page, and limits for each session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from torch import Tensor

from ntt.api import FewShotSegmenter
from ntt.data.images import image_sizes
from ntt.errors import InputError
from ntt.models.pseudo_masks import segment_prompt
from ntt.options import AtLeastOne, Positive
from ntt.segmenters import ImageEmbedding
from ntt.structures import Prompt


class Models:
    """Models of several encoders, loaded on first use, with one shared segmenter.

    Args:
        encoders: encoder names, first that of ``first``, then those available for comparison.
        first: model of the first encoder; it has no references.
        load: builds the model of another encoder.

    Attributes:
        lock: hold it during inference; only one network runs at a time, to bound the memory use.
    """

    def __init__(
        self, encoders: tuple[str, ...], first: FewShotSegmenter, load: Callable[[str], FewShotSegmenter]
    ) -> None:
        self.encoders = encoders
        self.lock = RLock()
        self._loaded = {encoders[0]: first}
        self._load = load
        self._segmenter = first.model.segmenter

    def new(self, encoder: str) -> FewShotSegmenter:
        """Create a model with its own reference memory and the shared networks.

        Raises:
            InputError: the encoder's weights are missing.
        """
        with self.lock:
            if encoder not in self._loaded:
                loaded = self._load(encoder)
                loaded.model.segmenter = self._segmenter
                self._loaded[encoder] = loaded
            return FewShotSegmenter(copy(self._loaded[encoder].model))

    def embed(self, image: Tensor) -> ImageEmbedding:
        """Compute the segmenter's embedding of an image ``(3, H, W)`` float in [0, 1]."""
        with self.lock:
            return self._segmenter.encode(image.to(self._loaded[self.encoders[0]].device))

    def outline(self, embedding: ImageEmbedding, prompt: Prompt, height: int, width: int) -> Tensor:
        """Predict the mask ``(H, W)`` bool, on the CPU, of a prompt on an embedded image."""
        with self.lock:
            return segment_prompt(self._segmenter, embedding, prompt, height, width)[0]


@dataclass(frozen=True)
class Limits:
    """Maximum sizes and counts of one session.

    Attributes:
        megabytes: maximum size of an uploaded file.
        megapixels: maximum size of an image; a small file may decode to a huge image.
        images: maximum number of target images in one search.
        examples: maximum number of references.
    """

    megabytes: AtLeastOne
    megapixels: Positive
    images: AtLeastOne
    examples: AtLeastOne

    def check_image(self, file: Path) -> None:
        """Check the header of an image before it is decoded.

        Raises:
            InputError: the file is not an image, or too large; the message contains its name, not its folder.
        """
        try:
            height, width = image_sizes(file)[0]
        except InputError as error:
            raise InputError(without_folder(str(error), file)) from error
        if height * width > self.megapixels * 1e6:
            size = f"{width} x {height}"
            raise InputError(f"{file.name} is {size} pixels; the maximum is {self.megapixels:g} megapixels")

    def check_image_count(self, files: Sequence[Path]) -> None:
        """Raise InputError if there are too many target images, or none."""
        if not files:
            raise InputError("There is no target image yet; add one")
        if len(files) > self.images:
            raise InputError(f"There are {len(files)} target images; the maximum is {self.images}")

    def check_examples(self, count: int) -> None:
        """Raise InputError if one more reference would exceed the limit."""
        if count >= self.examples:
            raise InputError(f"There are already {count} references; remove one before you add another")


def without_folder(message: str, file: Path) -> str:
    """Replace the path in a message by the file name, to hide where uploads are stored."""
    return message.replace(str(file), file.name)
