"""What all models of *No time to train!* share: proposals labelled by the nearest class prototype."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.encoders.base import Encoder
from ntt.matching import Matcher, similarity_maps
from ntt.memory import MemoryBank, ReferenceMemory
from ntt.models.base import ReferenceSegmenter
from ntt.models.prompted_masks import segment_prompts
from ntt.proposals import ProposalStrategy
from ntt.segmenters.base import Proposals, Segmenter
from ntt.structures import Instances, Prompt, Reference


class PrototypeMatching(ReferenceSegmenter):
    """Proposals of a segmenter, labelled by the nearest class prototype (Espinosa et al., arXiv 2507.02798).

    Inputs may be on any device and move to that of the parameters; instances come back on the CPU.

    Args:
        encoder: patch features of references and targets.
        segmenter: masks of targets, and of references that have a box or points instead.
        proposals: which prompts to ask.
        memory: how references become vectors.
        matcher: how proposals become instances.

    Attributes:
        memory: the bank of the references seen last; empty at first.
    """

    def __init__(
        self,
        encoder: Encoder,
        segmenter: Segmenter,
        proposals: ProposalStrategy,
        memory: ReferenceMemory,
        matcher: Matcher,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.segmenter = segmenter
        self.proposals = proposals
        self.reference_memory = memory
        self.matcher = matcher
        self.memory = MemoryBank((), fingerprint="")
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def start_memory(self, class_names: Sequence[str], references_digest: str = "") -> MemoryBank:
        """Replace the memory by an empty one, ready for ``fill`` or for ``load``.

        Args:
            class_names: in the order of their labels.
            references_digest: changes whenever the references do; part of the bank's fingerprint.
        """
        self.memory = self.reference_memory.empty_bank(self.encoder, class_names, references_digest)
        return self.memory

    @torch.no_grad()
    def fill(
        self, references: Iterable[Reference], class_names: Sequence[str], references_digest: str = ""
    ) -> None:
        """Start a new memory and add every reference; ``memory.aggregate()`` makes the prototypes.

        Raises:
            InputError: a mask is empty.
        """
        self.start_memory(class_names, references_digest)
        self.remember(references)

    @torch.no_grad()
    def remember(self, references: Iterable[Reference]) -> None:
        """Add references to the memory that ``start_memory`` began, making the masks that they lack.

        Raises:
            InputError: a mask is empty.
        """
        complete = map(self._with_mask, references)
        self.reference_memory.fill(self.memory, self.encoder, complete, self.device)

    def fit(self, references: Iterable[Reference], class_names: Sequence[str]) -> Self:
        """Fill and aggregate the memory; replaces what was there.

        Raises:
            InputError: a mask is empty, or a class has no reference.
        """
        self.fill(references, class_names)
        self.memory.aggregate()
        return self

    @torch.no_grad()
    def segment_prompts(self, image: Tensor, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
        """What the segmenter outlines for N prompts on ``(3, H, W)`` in [0, 1].

        Returns:
            Masks ``(N, H, W)`` bool, empty where nothing was found, and predicted IoU ``(N,)``; on the CPU.
        """
        return segment_prompts(self.segmenter, image.to(self.device), prompts)

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Patch features ``(h, w, C)`` of ``(3, H, W)`` in [0, 1], resized to the encoder's square."""
        size = (self.encoder.img_size, self.encoder.img_size)
        square = F.interpolate(
            image[None].to(self.device), size, mode="bilinear", align_corners=False, antialias=True
        )
        features: Tensor = self.encoder(square)[0]
        return features

    @torch.no_grad()
    def propose(self, image: Tensor, features: Tensor) -> Proposals:
        """Mask proposals of ``(3, H, W)`` in [0, 1], whose patch features ``(h, w, C)`` may guide them."""
        embedding = self.segmenter.encode(image.to(self.device))
        return self.proposals(self.segmenter, embedding, self.similarity(features))

    @torch.no_grad()
    def match(self, features: Tensor, proposals: Proposals, height: int, width: int) -> Instances:
        """Label, thin out and resize the proposals of an image of ``height`` x ``width`` pixels."""
        prototypes = self.memory.prototypes.to(features)
        return self.matcher(features, proposals, prototypes, height, width)

    @torch.no_grad()
    def similarity(self, features: Tensor) -> Tensor:
        """Cosine of every patch with every class prototype, ``(K, h, w)`` in [-1, 1]."""
        return similarity_maps(features, self.memory.prototypes.to(features))

    def predict(self, image: Tensor) -> Instances:
        """Segment ``(3, H, W)`` float in [0, 1]; masks and boxes at H x W."""
        features = self.encode(image)
        return self.match(features, self.propose(image, features), *image.shape[-2:])

    def _with_mask(self, reference: Reference) -> Reference:
        if reference.mask is not None or reference.prompt is None:
            return reference
        masks, _ = self.segment_prompts(reference.image, [reference.prompt])
        return replace(reference, mask=masks[0])
