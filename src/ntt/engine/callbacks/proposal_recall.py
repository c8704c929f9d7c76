"""Recall of the segmenter's proposals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ntt.engine.callbacks.base import OutcomeCallback
from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages
from ntt.evaluation import average_recall, count_found, kinds


class ProposalRecall(OutcomeCallback):
    """Report class-agnostic AR100 and AR1000 of all proposals if there is ground truth."""

    def on_outcome(self, stages: Stages, outcome: Outcome) -> dict[str, int] | None:
        """Count the objects of one image and how many of them a proposal covers."""
        if stages.dataset.ground_truth is None:
            return None
        return count_found(outcome.proposals, stages.dataset.true_masks(outcome.target.image_id)[0])

    def summarise(self, stages: Stages, notes: Sequence[Any], unread: Sequence[int | str]) -> None:
        """Average over all images; objects in unreadable images count as missed."""
        ground_truth = stages.dataset.ground_truth
        if ground_truth is not None:
            missed = [each for image in unread for each in ground_truth.imgToAnns[image]]
            recall = average_recall([*notes, {"objects": sum(not each["iscrowd"] for each in missed)}])
            stages.report["proposal_recall"] = {kind: recall[kind] for kind in kinds(ground_truth)}
