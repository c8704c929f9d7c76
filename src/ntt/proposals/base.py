"""Proposal strategy interface: compute mask proposals of an encoded image."""

from __future__ import annotations

from typing import Protocol

from ntt.matching.patches import Patches
from ntt.segmenters.base import ImageEmbedding, Proposals, Segmenter


class ProposalStrategy(Protocol):
    """Propose the masks of an image that are compared with the references.

    Attributes:
        needs_segmenter: whether the strategy prompts the segmenter.
        cache_key: cache key of strategies that use the same prompts for every image; None if the prompts
            depend on the encoder.
    """

    needs_segmenter: bool

    @property
    def cache_key(self) -> str | None: ...  # noqa: D102 - above

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """Compute mask proposals of one image.

        Args:
            segmenter: segmenter to prompt.
            embedding: image embedding; None if the strategy needs no segmenter.
            patches: patch features of the same image.
        """
