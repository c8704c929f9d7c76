"""Stages of a run as Lightning loops."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any, cast

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from ntt.calibration.score_threshold import MAX_REFERENCES
from ntt.data import FewShotDataset
from ntt.data.masks import decode_mask, json_mask
from ntt.engine.data import ImageResult, NumberedTarget, Unreadable
from ntt.engine.pseudo_masks import ReferenceMasks
from ntt.engine.stage_bar import StageBar
from ntt.engine.timer import Timer
from ntt.errors import InputError
from ntt.models import PrototypeMatching
from ntt.runs.fingerprint import references_fingerprint
from ntt.segmenters.base import ImageEmbedding
from ntt.segmenters.batching import ShrinkingBatches
from ntt.structures import Reference, Target

logger = logging.getLogger(__name__)


class Stages(LightningModule):
    """Lightning module whose predict loop runs ``fill_memory`` and whose test loop runs ``test``.

    If references have a box or points instead of a mask, the validation loop first runs ``mask_references``
    over their images.

    Args:
        model: Model with the reference memory, which ``fill_memory`` fills.
        dataset: References, targets and class names.
        memo: Returns the stored results of a computation by its name; a mapping from index to result that
            stores new results.
        strict: Raise if a target image is unreadable; otherwise skip it.

    Attributes:
        reference_masks: Pseudo masks from ``mask_references``.
        timer: Seconds of ``mask_references``, ``fill_memory`` and ``postprocess_memory``; after the run, also
            of the parts of ``test``.
        test_timer: Seconds of the parts of ``test`` for the current batch.
        report: Entries that callbacks add to ``metrics.json``.
        images: Number of segmented target images, counted after the run.
    """

    def __init__(
        self,
        model: PrototypeMatching,
        dataset: FewShotDataset,
        memo: Callable[[str], MutableMapping[int, Any]] = lambda _: {},
        strict: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.dataset = dataset
        self.memo = memo
        self.strict = strict
        self.reference_masks = ReferenceMasks(dataset, model.segmenter)
        self.image_groups: list[list[int]] = []
        self.timer = Timer()
        self.test_timer = Timer()
        self.report: dict[str, Any] = {}
        self.images = 0
        self._batches = ShrinkingBatches("images")

    def recall_masks(self) -> bool:
        """Load the pseudo masks of an earlier run, or of an earlier process of this run.

        Returns:
            Whether there are references without a mask.
        """
        self.reference_masks.recall()
        self._masks = self.memo("masks")
        unmasked = self.dataset.references.without_mask()
        for group in unmasked:
            if group[0] in self._masks:
                made = self._masks[group[0]]
                masks = torch.stack([decode_mask(mask) for mask in made["masks"]])
                self.reference_masks.add(group, masks, torch.tensor(made["ious"]))
        if unmasked and not self.dataset.references.without_mask():
            self.reference_masks.store()
        return bool(self.dataset.references.without_mask())

    def on_validation_start(self) -> None:
        """Group the references without a mask by image, in the order of the data loader."""
        self.image_groups = self.dataset.references.without_mask()

    def validation_step(self, batch: list[Reference], batch_idx: int) -> None:
        """mask_references: make the pseudo masks of the references in one image."""
        prompts = [reference.prompt for reference in batch if reference.prompt is not None]
        with self.timer.measure("mask_references"):
            masks, ious = self.model.segment_prompts(batch[0].image, prompts)
        group = self.image_groups[batch_idx]
        self._masks[group[0]] = {"masks": [json_mask(mask) for mask in masks], "ious": ious.tolist()}
        self.reference_masks.add(group, masks, ious)

    def on_validation_epoch_end(self) -> None:
        """Store the pseudo masks for later runs."""
        self.reference_masks.store()

    def begin_memory(self) -> int:
        """Reset the reference memory and restore the references that an earlier process encoded.

        Returns:
            Number of restored references; they are the first ones of the dataset.
        """
        fingerprint = references_fingerprint(self.dataset.references)
        memory = self.model.reset_memory(self.dataset.class_names, fingerprint)
        self._encoded_references = self.memo("references")
        while len(memory) in self._encoded_references:
            batch = self._encoded_references[len(memory)]
            self.timer.add({"fill_memory": batch["seconds"]})
            for instance in batch["instances"]:
                memory.restore(instance)
        return len(memory)

    def predict_step(self, batch: list[Reference]) -> int:
        """fill_memory: add references to the memory.

        Returns:
            Number of references; Lightning warns if it is None.
        """
        memory, began = self.model.memory, self.timer.seconds.get("fill_memory", 0.0)
        first = len(memory)
        with self.timer.measure("fill_memory"):
            self.model.add_references(batch)
        self._encoded_references[first] = {
            "seconds": self.timer.seconds["fill_memory"] - began,
            "instances": [memory.instance(index) for index in range(first, len(memory))],
        }
        return len(batch)

    def postprocess_memory(self) -> None:
        """Aggregate the reference memory into one prototype per class."""
        with self.timer.measure("postprocess_memory"):
            self.model.memory.aggregate()
        logger.info(
            "postprocess_memory: %d instances of %d classes, %.0f kB",
            len(self.model.memory),
            len(self.dataset.class_names),
            self.model.memory.nbytes / 1e3,
        )

    def fill_negatives(self) -> None:
        """Add hard negatives: those of the dataset, then those that the model mines on the references."""
        dataset = self.dataset
        with self.timer.measure("fill_negatives"):
            self.model.add_hard_negatives(dataset.negatives)
            if dataset.mines_negatives:
                with StageBar("fill_negatives", "references", len(dataset.references)) as bar:
                    self.model.mine_negatives(dataset.references, bar.advance, self.memo("mistakes"))
        count = len(self.model.memory.negatives[1])
        if count:
            logger.info("fill_negatives: %d hard negatives", count)

    def calibrate(self) -> None:
        """Calibrate the score threshold if the model requests it."""
        if not self.model.wants_calibration:
            return
        references = cast(Sequence[Reference], self.dataset.references)  # loaded lazily
        tried = min(len(references), MAX_REFERENCES)
        with self.timer.measure("calibrate"), StageBar("calibrate", "references", tried) as bar:
            found = self.model.calibrate(references, bar.advance, self.memo("calibrate"))
        self.report["calibration"] = asdict(found)
        logger.info("calibrate: score_threshold is %.3f", found.threshold)

    def test_step(self, batch: Sequence[NumberedTarget]) -> list[ImageResult]:  # type: ignore[override]
        """test: segment a batch of images and return the results for the callbacks."""
        targets = self._readable(batch)
        parts = self._batches.run(lambda part: self._segment(targets[part]), len(targets), self.device)
        return list(chain.from_iterable(parts))

    def _segment(self, targets: Sequence[tuple[int, Target]]) -> list[ImageResult]:
        images = [target.image for _, target in targets]
        with self.test_timer.measure("encode"):
            features = self.model.encode_all(images)
        with self.test_timer.measure("propose"):
            embeddings = self.model.embed(images)
        results = [
            self._image_result(index, target, *parts)
            for (index, target), *parts in zip(targets, features, embeddings, strict=True)
        ]
        if self.model.proposal_cache is not None:
            # Add the cached time, so that throughput stays comparable; "shared" reports it separately.
            saved = self.model.proposal_cache.take_saved()
            self.test_timer.add({"propose": saved, "shared": saved})
        return results

    def count_image(self, seconds: Mapping[str, float]) -> None:
        """Count an image that any process of the run has segmented, and the seconds of its parts."""
        self.images += 1
        self.timer.add(seconds)

    def _readable(self, batch: Sequence[NumberedTarget]) -> list[tuple[int, Target]]:
        """Log and skip unreadable images; raise if ``strict``."""
        for _, each in batch:
            if isinstance(each, Unreadable):
                if self.strict:
                    raise InputError(str(each))
                logger.warning("test: skipped %s", each)
        return [(index, each) for index, each in batch if isinstance(each, Target)]

    def _image_result(
        self, index: int, target: Target, features: Tensor, embedding: ImageEmbedding | None
    ) -> ImageResult:
        height, width = target.image.shape[-2:]
        with self.test_timer.measure("propose"):
            proposals = self.model.propose(embedding, features)
        with self.test_timer.measure("match"):
            instances = self.model.match(features, proposals, height, width)
        with self.test_timer.measure("refine"):
            instances = self.model.refine(target.image, embedding, instances)
        return ImageResult(index, target, features, proposals, instances)
