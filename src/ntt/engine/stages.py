"""The stages of a run, as Lightning runs them."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import torch
from lightning import LightningModule
from torch import Tensor

from ntt.data import FewShotDataset
from ntt.data.masks import decode_mask, json_mask
from ntt.engine.clock import Clock
from ntt.engine.digest import references_digest
from ntt.engine.outcome import Outcome
from ntt.engine.reference_masks import ReferenceMasks
from ntt.engine.stage_bar import StageBar
from ntt.engine.unreadable import NumberedTarget, Unreadable
from ntt.errors import InputError
from ntt.models import PrototypeMatching
from ntt.models.calibration import MAX_REFERENCES
from ntt.segmenters.base import ImageEmbedding
from ntt.segmenters.batching import is_out_of_memory
from ntt.structures import Reference, Target

logger = logging.getLogger(__name__)


class Stages(LightningModule):
    """``fill_memory`` is Lightning's predict loop over references, ``test`` its test loop over targets.

    ``mask_references`` comes before them, where references have a box or points and no mask: the validation
    loop over their pictures.

    Args:
        model: filled by ``fill_memory``, asked by ``test``.
        dataset: says what the classes are.
        memo: results so far, by the name of what is computed and then by number; keeps new ones.
        strict: whether a target image that cannot be read ends the run; otherwise it is left out.

    Attributes:
        reference_masks: what ``mask_references`` makes.
        clock: seconds of ``mask_references``, ``fill_memory``, ``postprocess_memory``; in the end also those
            of the parts of ``test``.
        test_clock: seconds of the parts of ``test`` for the batch at hand.
        report: what callbacks have to say in ``metrics.json``.
        images: in the end, how many target images were segmented.
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
        self.pictures: list[list[int]] = []
        self.clock = Clock()
        self.test_clock = Clock()
        self.report: dict[str, Any] = {}
        self.images = 0
        self._most_images = 0  # that fit memory at once; 0 until it runs out

    def recall_masks(self) -> bool:
        """Give references the masks that an earlier run, or an earlier process of this one, made.

        Returns:
            Whether there are references without a mask.
        """
        self.reference_masks.recall()
        self._masks = self.memo("masks")
        lacking = self.dataset.references.without_mask()
        for group in lacking:
            if group[0] in self._masks:
                made = self._masks[group[0]]
                masks = torch.stack([decode_mask(mask) for mask in made["masks"]])
                self.reference_masks.add(group, masks, torch.tensor(made["ious"]))
        if lacking and not self.dataset.references.without_mask():
            self.reference_masks.store()
        return bool(self.dataset.references.without_mask())

    def on_validation_start(self) -> None:
        """Note which references lie on which picture, as the data loader does."""
        self.pictures = self.dataset.references.without_mask()

    def validation_step(self, batch: list[Reference], batch_idx: int) -> None:
        """mask_references: make the masks of the references of one picture."""
        prompts = [reference.prompt for reference in batch if reference.prompt is not None]
        with self.clock.measure("mask_references"):
            masks, ious = self.model.segment_prompts(batch[0].image, prompts)
        group = self.pictures[batch_idx]
        self._masks[group[0]] = {"masks": [json_mask(mask) for mask in masks], "ious": ious.tolist()}
        self.reference_masks.add(group, masks, ious)

    def on_validation_epoch_end(self) -> None:
        """Keep the masks for later runs."""
        self.reference_masks.store()

    def begin_memory(self) -> int:
        """Forget what the memory held; remember what an earlier process of this run encoded.

        Returns:
            How many references that are, the first ones.
        """
        digest = references_digest(self.dataset.references)
        memory = self.model.start_memory(self.dataset.class_names, digest)
        self._remembered = self.memo("references")
        while len(memory) in self._remembered:
            batch = self._remembered[len(memory)]
            self.clock.add({"fill_memory": batch["seconds"]})
            for instance in batch["instances"]:
                memory.restore(instance)
        return len(memory)

    def predict_step(self, batch: list[Reference]) -> int:
        """fill_memory: remember some references; returns how many, since Lightning warns of None."""
        memory, began = self.model.memory, self.clock.seconds.get("fill_memory", 0.0)
        first = len(memory)
        with self.clock.measure("fill_memory"):
            self.model.remember(batch)
        self._remembered[first] = {
            "seconds": self.clock.seconds["fill_memory"] - began,
            "instances": [memory.instance(index) for index in range(first, len(memory))],
        }
        return len(batch)

    def postprocess_memory(self) -> None:
        """Make one prototype per class of what was remembered."""
        with self.clock.measure("postprocess_memory"):
            self.model.memory.aggregate()
        logger.info(
            "postprocess_memory: %d instances of %d classes, %.0f kB",
            len(self.model.memory),
            len(self.dataset.class_names),
            self.model.memory.nbytes / 1e3,
        )

    def fill_negatives(self) -> None:
        """Remember look-alikes: those of the dataset, then those that the model finds on the references."""
        dataset = self.dataset
        with self.clock.measure("fill_negatives"):
            self.model.remember_negatives(dataset.negatives)
            if dataset.mines_negatives:
                with StageBar("fill_negatives", "references", len(dataset.references)) as bar:
                    self.model.mine_negatives(dataset.references, bar.advance, self.memo("mistakes"))
        count = len(self.model.memory.negatives[1])
        if count:
            logger.info("fill_negatives: %d look-alikes", count)

    def calibrate(self) -> None:
        """Find the score threshold, if it is to be found."""
        if not self.model.wants_calibration:
            return
        references = cast(Sequence[Reference], self.dataset.references)  # read only as they are tried
        tried = min(len(references), MAX_REFERENCES)
        with self.clock.measure("calibrate"), StageBar("calibrate", "references", tried) as bar:
            found = self.model.calibrate(references, bar.advance, self.memo("calibrate"))
        self.report["calibration"] = asdict(found)
        logger.info("calibrate: score_threshold is %.3f", found.threshold)

    def test_step(self, batch: Sequence[NumberedTarget]) -> list[Outcome]:  # type: ignore[override]
        """test: segment some images, keeping what callbacks may draw or evaluate."""
        targets = self._readable(batch)
        outcomes: list[Outcome] = []
        while len(outcomes) < len(targets):
            left = targets[len(outcomes) :]
            outcomes += self._segment_some(left[: self._most_images or None])
        return outcomes

    def _segment_some(self, targets: Sequence[tuple[int, Target]]) -> list[Outcome]:
        """Segment these images at once, or the first half of them if memory runs out."""
        try:
            return self._segment(targets)
        except (RuntimeError, MemoryError) as error:
            if len(targets) == 1 or not is_out_of_memory(error):
                raise
        if not self._most_images:
            logger.warning("Out of memory with %d images at once; going on with fewer", len(targets))
        self._most_images = len(targets) // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return self._segment_some(targets[: self._most_images])

    def _segment(self, targets: Sequence[tuple[int, Target]]) -> list[Outcome]:
        images = [target.image for _, target in targets]
        with self.test_clock.measure("encode"):
            features = self.model.encode_all(images)
        with self.test_clock.measure("propose"):
            embeddings = self.model.embed(images)
        outcomes = [
            self._outcome(index, target, *parts)
            for (index, target), *parts in zip(targets, features, embeddings, strict=True)
        ]
        if self.model.shared_answers is not None:
            # So long it would have taken, that speed can be compared; "shared" is what others spent of it.
            saved = self.model.shared_answers.take_saved()
            self.test_clock.add({"propose": saved, "shared": saved})
        return outcomes

    def _readable(self, batch: Sequence[NumberedTarget]) -> list[tuple[int, Target]]:
        """The images that can be segmented; others are said, or end the run."""
        for _, each in batch:
            if isinstance(each, Unreadable):
                if self.strict:
                    raise InputError(str(each))
                logger.warning("test: skipped %s", each)
        return [(index, each) for index, each in batch if isinstance(each, Target)]

    def _outcome(
        self, index: int, target: Target, features: Tensor, embedding: ImageEmbedding | None
    ) -> Outcome:
        height, width = target.image.shape[-2:]
        with self.test_clock.measure("propose"):
            proposals = self.model.ask(embedding, features)
        with self.test_clock.measure("match"):
            instances = self.model.match(features, proposals, height, width)
        with self.test_clock.measure("refine"):
            instances = self.model.refine(target.image, embedding, instances)
        return Outcome(index, target, features, proposals, instances)
