"""The networks, which all visitors of the page share."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from threading import RLock

from torch import Tensor

from ntt.api import FewShotSegmenter
from ntt.models.prompted_masks import answer_prompt
from ntt.segmenters import ImageEmbedding
from ntt.structures import Prompt


class Models:
    """Loads each encoder when it is first asked for; all of them ask one segmenter.

    Args:
        encoders: their names, that of ``first`` before those that it can be compared with.
        first: what the page starts with; it keeps no memory itself.
        load: builds the model of another encoder.

    Attributes:
        lock: to be held while a network computes; one does at a time, so that memory stays in bounds.
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
        """A model with a memory of its own; its networks are those of everybody.

        Raises:
            InputError: the encoder's weights are absent.
        """
        with self.lock:
            if encoder not in self._loaded:
                loaded = self._load(encoder)
                loaded.model.segmenter = self._segmenter
                self._loaded[encoder] = loaded
            return FewShotSegmenter(copy(self._loaded[encoder].model))

    def embed(self, image: Tensor) -> ImageEmbedding:
        """What the segmenter needs to answer clicks on ``(3, H, W)`` float in [0, 1]."""
        with self.lock:
            return self._segmenter.encode(image.to(self._loaded[self.encoders[0]].device))

    def outline(self, embedding: ImageEmbedding, prompt: Prompt, height: int, width: int) -> Tensor:
        """The mask ``(H, W)`` bool, on the CPU, of clicks on a picture that was embedded."""
        with self.lock:
            return answer_prompt(self._segmenter, embedding, prompt, height, width)[0]
