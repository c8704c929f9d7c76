"""How much of the truth the segmenter proposes."""

from __future__ import annotations

from lightning import Trainer

from ntt.engine.callbacks.base import OutcomeCallback
from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages
from ntt.engine.unreadable import Unreadable
from ntt.evaluation import AverageRecall, kinds


class ProposalRecall(OutcomeCallback):
    """Report AR100 and AR1000 of all proposals, whatever their class, where there is ground truth."""

    def __init__(self) -> None:
        self.recall = AverageRecall()

    def on_outcome(self, stages: Stages, outcome: Outcome) -> None:
        """Count the objects of one image and those that were proposed."""
        if stages.dataset.ground_truth is not None:
            true_masks = stages.dataset.true_masks(outcome.target.image_id)[0]
            self.recall.update(outcome.proposals, true_masks)

    def on_skipped(self, stages: Stages, unreadable: Unreadable) -> None:
        """Its objects are missed."""
        if stages.dataset.ground_truth is not None:
            objects = stages.dataset.ground_truth.imgToAnns[unreadable.image_id]
            self.recall.miss(sum(not each["iscrowd"] for each in objects))

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Stages) -> None:  # type: ignore[override]
        """Average over all images."""
        ground_truth = pl_module.dataset.ground_truth
        if ground_truth is not None:
            recall = self.recall.compute()
            pl_module.report["proposal_recall"] = {kind: recall[kind] for kind in kinds(ground_truth)}
