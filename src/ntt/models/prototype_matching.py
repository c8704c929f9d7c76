"""Model interface, and the base model of *No time to train!*: compare proposals with the memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from ntt.cache.proposals import ProposalCache
from ntt.calibration.hard_negatives import Mistake, as_hard_negatives, mine_negatives
from ntt.calibration.score_threshold import AUTO, THRESHOLD, Calibration, calibrate, checked_threshold
from ntt.encoders.base import Encoder
from ntt.matching import Matcher, Patches
from ntt.memory import MemoryBank, ReferenceMemory
from ntt.models.pseudo_masks import segment_prompts
from ntt.precision import as_given
from ntt.proposals import ProposalStrategy
from ntt.refinement import NoRefinement, Refiner
from ntt.segmenters.base import ImageEmbedding, Proposals, Segmenter, square_image
from ntt.structures import Instances, Prompt, Reference


class ReferenceSegmenter(nn.Module, ABC):
    """Frozen encoder and segmenter combined with a memory of reference features."""

    @abstractmethod
    def fit(self, references: Iterable[Reference], class_names: Sequence[str]) -> Self:
        """Build a new memory from references, creating pseudo masks for references without a mask."""

    @abstractmethod
    def predict(self, image: Tensor) -> Instances:
        """Segment ``(3, H, W)`` float in [0, 1]; masks and boxes at H x W."""


class PrototypeMatching(ReferenceSegmenter):
    """Label segmenter proposals by comparison with the reference memory (Espinosa et al., arXiv 2507.02798).

    Inputs on any device are moved to the device of the parameters. Instances are returned on the CPU.

    Args:
        encoder: computes patch features of references and targets.
        segmenter: predicts masks of targets, and pseudo masks of references with a box or points.
        proposals: proposal strategy.
        memory: encodes references into the memory.
        matcher: matches proposals with the memory.
        refiner: refines the masks of instances; None leaves them unchanged.
        score_threshold: instances with a lower score are dropped. ``auto`` calibrates it with
            :func:`ntt.calibration.score_threshold.calibrate`; before the calibration, nothing is dropped.
        proposal_cache: cache of embeddings and proposals, shared between runs; None disables it.

    Attributes:
        score_threshold: current threshold as a number.
        memory: reference memory of the last fit; empty at first.
    """

    def __init__(
        self,
        encoder: Encoder,
        segmenter: Segmenter,
        proposals: ProposalStrategy,
        memory: ReferenceMemory,
        matcher: Matcher,
        refiner: Refiner | None = None,
        score_threshold: float | str = 0.0,
        proposal_cache: ProposalCache | None = None,
    ) -> None:
        super().__init__()
        self.wants_calibration = score_threshold == AUTO
        self.score_threshold = 0.0 if self.wants_calibration else checked_threshold(score_threshold)
        self.encoder = encoder
        self.segmenter = segmenter
        self.proposals = proposals
        self.reference_memory = memory
        self.matcher = matcher
        self.refiner = refiner or NoRefinement()
        self.memory = MemoryBank((), fingerprint="")
        self.proposal_cache = proposal_cache
        self.eval()

    @contextmanager
    def using_memory(self, memory: MemoryBank) -> Iterator[None]:
        """Use another memory within the context."""
        own, self.memory = self.memory, memory
        try:
            yield
        finally:
            self.memory = own

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device

    def reset_memory(self, class_names: Sequence[str], references_fingerprint: str = "") -> MemoryBank:
        """Replace the memory by an empty one, ready for ``add_references`` or ``load``.

        Args:
            class_names: class names in label order.
            references_fingerprint: hash of the references; part of the bank's fingerprint.
        """
        self.memory = self.reference_memory.empty_bank(self.encoder, class_names, references_fingerprint)
        return self.memory

    @torch.no_grad()
    def replace_references(
        self, references: Iterable[Reference], class_names: Sequence[str], references_fingerprint: str = ""
    ) -> None:
        """Reset the memory and add all references; call ``memory.aggregate()`` to compute the prototypes.

        Raises:
            InputError: a mask is empty.
        """
        self.reset_memory(class_names, references_fingerprint)
        self.add_references(references)

    @torch.no_grad()
    def add_references(self, references: Iterable[Reference]) -> None:
        """Add references to the current memory, creating pseudo masks for references without a mask.

        Raises:
            InputError: a mask is empty.
        """
        complete = map(self.with_mask, references)
        self.reference_memory.add_references(self.memory, self.encoder, complete, self.device)

    def fit(self, references: Iterable[Reference], class_names: Sequence[str]) -> Self:
        """Build a new memory from references; with ``auto``, also calibrate the score threshold.

        Raises:
            InputError: a mask is empty, a class has no reference, or there are too few references for
                ``auto``.
        """
        if self.wants_calibration and isinstance(references, Iterator):  # calibration iterates a second time
            references = list(references)
        self.replace_references(references, class_names)
        self.memory.aggregate()
        if self.wants_calibration:
            self.calibrate(references)
        return self

    def add(self, references: Iterable[Reference], class_names: Sequence[str]) -> None:
        """Add references to the memory without encoding existing ones again or changing the score threshold.

        Args:
            references: references labelled by ``class_names``.
            class_names: class names of the memory in order, followed by new ones.

        Raises:
            InputError: a mask is empty, or a new class has no reference; the memory is then unchanged.
        """
        grown = self.memory.subset(torch.ones(len(self.memory), dtype=torch.bool))
        self.reference_memory.check_classes(class_names)
        grown.class_names = tuple(class_names)
        with self.using_memory(grown):
            self.add_references(references)
        grown.aggregate()
        self.memory = grown

    def calibrate(
        self,
        references: Iterable[Reference],
        on_reference: Callable[[], None] = lambda: None,
        known: MutableMapping[int, Any] | None = None,
    ) -> Calibration:
        """Calibrate the score threshold and store it in the memory; see ``ntt.calibration``."""
        self.score_threshold = 0.0
        found = calibrate(self, references, on_reference, known)
        self.score_threshold = found.threshold
        self.memory.notes[THRESHOLD] = repr(found.threshold)
        return found

    def mine_negatives(
        self,
        references: Iterable[Reference],
        on_reference: Callable[[], None] = lambda: None,
        known: MutableMapping[int, Any] | None = None,
    ) -> list[Mistake]:
        """Mine hard negatives on the references and add them to the memory; see ``ntt.calibration``."""
        indexed = references if isinstance(references, Sequence | Dataset) else list(references)
        found = mine_negatives(self, indexed, self.reference_memory.negatives_per_class, on_reference, known)
        self.add_hard_negatives(as_hard_negatives(indexed, found, self.memory.class_names))
        return found

    @torch.no_grad()
    def add_hard_negatives(self, hard_negatives: Iterable[Reference]) -> None:
        """Add hard negatives, each labelled by the class it is a negative of.

        Raises:
            InputError: a mask is empty.
        """
        self.reference_memory.add_hard_negatives(self.memory, self.encoder, hard_negatives, self.device)

    @torch.no_grad()
    def segment_prompts(self, image: Tensor, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
        """Predict the segmenter's masks of N prompts on ``(3, H, W)`` in [0, 1].

        Returns:
            Masks ``(N, H, W)`` bool, possibly empty, and predicted IoU ``(N,)``; on the CPU.
        """
        return segment_prompts(self.segmenter, image.to(self.device), prompts)

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Compute patch features ``(h, w, C)`` of ``(3, H, W)`` in [0, 1], resized to the encoder's input."""
        return self.encode_all([image])[0]

    @torch.no_grad()
    def encode_all(self, images: Sequence[Tensor]) -> Tensor:
        """Compute patch features ``(B, h, w, C)`` of B images of any size, in one batch, before debiasing."""
        squares = [square_image(image.to(self.device), self.encoder.img_size) for image in images]
        return self.encoder.plain(torch.stack(squares))

    @torch.no_grad()
    def patches(self, features: Tensor) -> Patches:
        """Combine patch features ``(h, w, C)`` of an image, debiased by the encoder, with the memory."""
        return Patches(features, self.encoder.debiased(features), self.memory)

    @torch.no_grad()
    def embed(self, images: Sequence[Tensor]) -> list[ImageEmbedding | None]:
        """Compute segmenter embeddings of images of any size, in one batch; None if not needed."""
        if not (self.proposals.needs_segmenter or self.refiner.needs_segmenter):
            return [None] * len(images)
        moved = [image.to(self.device) for image in images]
        if self.proposal_cache is None:
            return list(self.segmenter.encode_all(moved))
        keep = self.proposals.cache_key is None or self.refiner.needs_segmenter
        return list(self.proposal_cache.embed(self.segmenter, moved, keep))

    @torch.no_grad()
    def propose(self, embedding: ImageEmbedding | None, features: Tensor) -> Proposals:
        """Compute mask proposals of an encoded image with patch features ``(h, w, C)``."""
        patches = self.patches(features)
        if self.proposal_cache is None:
            return self.proposals(self.segmenter, embedding, patches)
        return self.proposal_cache.propose(self.proposals, self.segmenter, embedding, patches)

    @torch.no_grad()
    def match(self, features: Tensor, proposals: Proposals, height: int, width: int) -> Instances:
        """Match the proposals of an image of ``height`` x ``width`` pixels with the memory."""
        with as_given(features.device):
            patches = self.encoder.debiased(features.float())
            found = self.matcher(patches, proposals, self.memory, height, width)
        return found.above(self.score_threshold)

    @torch.no_grad()
    def refine(self, image: Tensor, embedding: ImageEmbedding | None, found: Instances) -> Instances:
        """Refine the masks of instances predicted on ``(3, H, W)`` in [0, 1]."""
        return self.refiner(image, found, self.segmenter, embedding)

    @torch.no_grad()
    def compare(self, features: Tensor, masks: Tensor) -> Tensor:
        """Compute the similarity of masks ``(N, m, n)`` bool to each class, ``(N, K)`` in [-1, 1]."""
        with as_given(features.device):
            patches = self.encoder.debiased(features.float())
            return self.matcher.similarities(patches, masks.to(features.device), self.memory)

    @torch.no_grad()
    def similarity(self, features: Tensor) -> Tensor:
        """Compute the cosine of patches and class prototypes, ``(K, h, w)`` in [-1, 1]; K may be 0."""
        return self.patches(features).similarity

    def predict(self, image: Tensor) -> Instances:
        """Segment ``(3, H, W)`` float in [0, 1]; masks and boxes at H x W."""
        (found,) = self.predict_all([image])
        return found

    def predict_all(self, images: Sequence[Tensor]) -> Iterator[Instances]:
        """Segment images of any size, encoding them in one batch."""
        return (found for found, _ in self.segment_all(images))

    def segment_all(self, images: Sequence[Tensor]) -> Iterator[tuple[Instances, Tensor]]:
        """Segment images of any size like ``predict_all``.

        Yields:
            The instances of each image and its similarity maps ``(K, h, w)``, on the CPU.
        """
        for image, features, embedding in zip(
            images, self.encode_all(images), self.embed(images), strict=True
        ):
            found = self.match(features, self.propose(embedding, features), *image.shape[-2:])
            yield self.refine(image, embedding, found), self.similarity(features).cpu()

    def with_mask(self, reference: Reference) -> Reference:
        """Add the segmenter's pseudo mask to a reference that has a prompt but no mask."""
        if reference.mask is not None or reference.prompt is None:
            return reference
        masks, _ = self.segment_prompts(reference.image, [reference.prompt])
        return replace(reference, mask=masks[0])
