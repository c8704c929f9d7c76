"""Storage of the callbacks' notes, for resuming runs and for runs with several processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytorch_lightning import Callback, Trainer

from ntt.engine.callbacks.base import ImageCallback
from ntt.engine.data import ImageResult, NumberedTarget, Unreadable
from ntt.engine.stages import Stages
from ntt.errors import InputError
from ntt.runs.journal import Journal


class Recorder(Callback):
    """Pass every image to the result callbacks and store their notes.

    Args:
        journal: Receives one line per image.
        observers: Callbacks by the key of their notes in the journal.
    """

    def __init__(self, journal: Journal, observers: Mapping[str, ImageCallback]) -> None:
        self.journal = journal
        self.observers = observers

    def images_done(self) -> set[int]:
        """Return the indices of the segmented images; unreadable images are tried again."""
        return {entry["index"] for entry in self.journal.read() if "unread" not in entry}

    def _entries(self) -> dict[int, Any]:
        """Return one entry per image; a result takes precedence over a failed read by any process."""
        entries: dict[int, Any] = {}
        for entry in self.journal.read():
            if "unread" not in entry or entry["index"] not in entries:
                entries[entry["index"]] = entry
        return entries

    def on_test_batch_end(  # type: ignore[override]
        self,
        trainer: Trainer,
        pl_module: Stages,
        outputs: Sequence[ImageResult],
        batch: Sequence[NumberedTarget],
        *_: Any,
    ) -> None:
        """Process the images of a batch one by one."""
        for index, each in batch:
            if isinstance(each, Unreadable):
                unread = {"image_id": each.image_id, "file": str(each.file), "reason": each.reason}
                self.journal.append({"index": index, "unread": unread})
        seconds = pl_module.test_timer.take()
        for result in outputs:
            notes = {name: each.on_image_result(pl_module, result) for name, each in self.observers.items()}
            share = {part: total / len(outputs) for part, total in seconds.items()}
            self.journal.append({"index": result.index, "seconds": share, "notes": notes})

    def summarise(self, stages: Stages) -> None:
        """Let every callback summarise the images of all processes, including interrupted runs.

        Raises:
            InputError: Some images were not processed.
        """
        entries = self._entries()
        missing = len(stages.dataset.targets) - len(entries)
        if missing:
            raise InputError(
                f"{missing} of {len(stages.dataset.targets)} images were not segmented by any process of the "
                "run; to use fewer images, set dataset.limit instead of a limit of the trainer"
            )
        in_order = [entries[index] for index in sorted(entries)]
        unread = [entry["unread"] for entry in in_order if "unread" in entry]
        done = [entry for entry in in_order if "unread" not in entry]
        for entry in done:
            stages.count_image(entry["seconds"])
        for name, each in self.observers.items():
            notes = [entry["notes"][name] for entry in done]
            each.summarise(stages, notes, [image["image_id"] for image in unread])
        if unread:
            stages.report["skipped"] = [{key: image[key] for key in ("file", "reason")} for image in unread]
