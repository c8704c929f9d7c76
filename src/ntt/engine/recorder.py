"""Keeping what callbacks note of each image, so that a killed run goes on and several processes share one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning import Callback, Trainer

from ntt.engine.callbacks.base import OutcomeCallback
from ntt.engine.journal import Journal
from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages


class Recorder(Callback):
    """Shows every image to the callbacks that look at images, and keeps their notes.

    Args:
        journal: where a line for each image goes.
        observers: the callbacks, by the names that their notes have in the journal.
    """

    def __init__(self, journal: Journal, observers: Mapping[str, OutcomeCallback]) -> None:
        self.journal = journal
        self.observers = observers

    def images_done(self) -> set[int]:
        """Numbers of the images that need not be segmented again."""
        return {entry["index"] for entry in self.journal.read()}

    def on_test_batch_end(  # type: ignore[override]
        self, trainer: Trainer, pl_module: Stages, outputs: Sequence[Outcome], *_: Any
    ) -> None:
        """Take the images of a batch one by one."""
        seconds = pl_module.test_clock.take()
        for outcome in outputs:
            notes = {name: each.on_outcome(pl_module, outcome) for name, each in self.observers.items()}
            share = {part: total / len(outputs) for part, total in seconds.items()}
            self.journal.append({"index": outcome.index, "seconds": share, "notes": notes})

    def summarise(self, stages: Stages) -> None:
        """Let every callback sum up the images of all processes, of this run and of those cut short."""
        entries = {entry["index"]: entry for entry in self.journal.read()}
        in_order = [entries[index] for index in sorted(entries)]
        for entry in in_order:
            stages.clock.add(entry["seconds"])
        stages.images = len(in_order)
        for name, each in self.observers.items():
            each.summarise(stages, [entry["notes"][name] for entry in in_order])
