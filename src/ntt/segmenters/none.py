"""Placeholder for models without a segmenter."""

from __future__ import annotations

from typing import NoReturn

from torch import Tensor

from ntt.errors import InputError
from ntt.segmenters.base import ImageEmbedding, Prompts, Proposals, Segmenter


class NoSegmenter(Segmenter):
    """Placeholder for ``segmenter=none``; loads no weights and rejects images and prompts."""

    name = "none"
    image_size = 0
    mask_size = 0
    fingerprint = "none"
    box_prompts = False
    mask_prompts = False

    def encode(self, image: Tensor) -> ImageEmbedding:
        """Raise InputError, because there is no segmenter to prompt."""
        self._refuse()

    def decode(self, embedding: ImageEmbedding, prompts: Prompts, min_iou: float = -1.0) -> Proposals:
        """Raise InputError, because there is no segmenter to prompt."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InputError("segmenter=none takes no points or boxes: use masks, or choose segmenter=sam2_lite")
