"""The contract of every proposal strategy: an encoded image becomes mask proposals."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ntt.segmenters.base import ImageEmbedding, Proposals, Segmenter


class ProposalStrategy(Protocol):
    """Decides what a segmenter is asked about an image.

    Attributes:
        question: tells apart strategies that ask every image the same, whatever it resembles; None where the
            question depends on the encoder.
    """

    @property
    def question(self) -> str | None: ...  # noqa: D102 - above

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding, similarity: Tensor) -> Proposals:
        """Mask proposals of one image.

        Args:
            segmenter: answers prompts.
            embedding: of the image.
            similarity: ``(K, h, w)`` cosine of every patch with every class prototype, over the same image.
        """
