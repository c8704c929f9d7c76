"""The contract of every proposal strategy: an encoded image becomes mask proposals."""

from __future__ import annotations

from typing import Protocol

from ntt.matching.patches import Patches
from ntt.segmenters.base import ImageEmbedding, Proposals, Segmenter


class ProposalStrategy(Protocol):
    """Decides which masks of an image are compared with the references.

    Attributes:
        needs_segmenter: whether the segmenter is prompted at all.
        question: tells apart strategies that ask every image the same, whatever it resembles; None where the
            question depends on the encoder.
    """

    needs_segmenter: bool

    @property
    def question(self) -> str | None: ...  # noqa: D102 - above

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """Mask proposals of one image.

        Args:
            segmenter: answers prompts.
            embedding: of the image; None where the strategy needs no segmenter.
            patches: of the same image.
        """
