"""Keeping what callbacks note of each image, so that a killed run goes on and several processes share one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning import Callback, Trainer

from ntt.engine.callbacks.base import OutcomeCallback
from ntt.engine.journal import Journal
from ntt.engine.outcome import Outcome
from ntt.engine.stages import Stages
from ntt.engine.unreadable import NumberedTarget, Unreadable
from ntt.errors import InputError


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
        """Numbers of the images that need not be segmented again; what could not be read is tried again."""
        return {entry["index"] for entry in self.journal.read() if "unread" not in entry}

    def _entries(self) -> dict[int, Any]:
        """One an image; what could be read in the end counts, whichever process had failed to."""
        entries: dict[int, Any] = {}
        for entry in self.journal.read():
            if "unread" not in entry or entry["index"] not in entries:
                entries[entry["index"]] = entry
        return entries

    def on_test_batch_end(  # type: ignore[override]
        self,
        trainer: Trainer,
        pl_module: Stages,
        outputs: Sequence[Outcome],
        batch: Sequence[NumberedTarget],
        *_: Any,
    ) -> None:
        """Take the images of a batch one by one."""
        for index, each in batch:
            if isinstance(each, Unreadable):
                unread = {"image_id": each.image_id, "file": str(each.file), "reason": each.reason}
                self.journal.append({"index": index, "unread": unread})
        seconds = pl_module.test_clock.take()
        for outcome in outputs:
            notes = {name: each.on_outcome(pl_module, outcome) for name, each in self.observers.items()}
            share = {part: total / len(outputs) for part, total in seconds.items()}
            self.journal.append({"index": outcome.index, "seconds": share, "notes": notes})

    def summarise(self, stages: Stages) -> None:
        """Let every callback sum up the images of all processes, of this run and of those cut short.

        Raises:
            InputError: there are images that no process has seen.
        """
        entries = self._entries()
        lacking = len(stages.dataset.targets) - len(entries)
        if lacking:
            raise InputError(
                f"{lacking} of {len(stages.dataset.targets)} images were not segmented by any process of the "
                "run; to take fewer say dataset.limit, and no limit of the trainer"
            )
        in_order = [entries[index] for index in sorted(entries)]
        unread = [entry["unread"] for entry in in_order if "unread" in entry]
        done = [entry for entry in in_order if "unread" not in entry]
        for entry in done:
            stages.clock.add(entry["seconds"])
        stages.images = len(done)
        for name, each in self.observers.items():
            notes = [entry["notes"][name] for entry in done]
            each.summarise(stages, notes, [image["image_id"] for image in unread])
        if unread:
            stages.report["skipped"] = [{key: image[key] for key in ("file", "reason")} for image in unread]
