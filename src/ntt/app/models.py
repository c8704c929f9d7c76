"""Networks shared by all sessions of the page."""

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
            return answer_prompt(self._segmenter, embedding, prompt, height, width)[0]
