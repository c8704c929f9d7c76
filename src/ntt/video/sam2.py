"""Tracking with SAM 2's memory of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.matching import COVERED, boxes_from_masks, coverage, resize_masks
from ntt.models import PrototypeMatching
from ntt.segmenters import Sam2Segmenter
from ntt.structures import Instances
from ntt.video.assignment import assign
from ntt.video.base import Tracker
from ntt.video.sam2_memory import ObjectMemory, SeenFrame, see


@dataclass
class TrackedObject:
    """An object tracked by SAM 2.

    Attributes:
        id: identity of the object.
        label: class of the object.
        score: score of the last detection assigned to the object.
        last_seen: number of the last frame in which it was visible.
        memory: SAM 2's memory of the object.
    """

    id: int
    label: int
    score: float
    last_seen: int
    memory: ObjectMemory


class Sam2Tracker(Tracker):
    """Track every object with SAM 2 from the frame of its first detection; detections add new objects.

    For a known object, SAM 2's mask is used, and a detection updates only the score.

    Args:
        model: fitted model that detects the objects. Its segmenter is SAM 2 with a trained memory.
        settings: settings of :class:`Tracker`; at most ``max_objects`` objects are tracked at a time.

    Raises:
        InputError: the segmenter has no trained memory of frames.
    """

    def __init__(self, model: PrototypeMatching, **settings: Any) -> None:
        super().__init__(model, **settings)
        segmenter = model.segmenter
        if not isinstance(segmenter, Sam2Segmenter) or not segmenter.video_memory:
            raise InputError(
                f"tracking=sam2: the memory of segmenter {segmenter.name} was not trained on videos; "
                "use tracking=overlap or segmenter=sam2.1_large"
            )
        self.segmenter = segmenter
        self._objects: list[TrackedObject] = []
        self._next_id = 1

    def _follow(self, number: int, image: Tensor) -> tuple[Instances, Tensor]:
        seen = see(self.segmenter, number, image)
        masks = self._masks([each.memory.follow(seen) for each in self._objects], *image.shape[1:])
        found = self._detect(number, image)
        if found is not None:
            masks = self._update(seen, masks, found)
        return self._in_sight(number, masks)

    def _masks(self, logits: list[Tensor], height: int, width: int) -> Tensor:
        if not logits:
            return torch.zeros(0, height, width, dtype=torch.bool)
        return resize_masks(torch.stack(logits), height, width).cpu()

    def _update(self, seen: SeenFrame, masks: Tensor, found: Instances) -> Tensor:
        """Update scores, start tracking new detections, and return the masks of all objects."""
        labels = torch.tensor([each.label for each in self._objects], dtype=torch.int64)
        for row, column in assign(masks, labels, found.masks, found.labels, self.min_iou):
            self._objects[row].score = float(found.scores[column])
        known = (coverage(found.masks, masks) > COVERED).any(dim=1)
        new = found.subset(~known)
        new = new.subset(torch.arange(len(new)) < self.max_objects - len(self._objects))
        for mask, label, score in zip(new.masks, new.labels.tolist(), new.scores.tolist(), strict=True):
            memory = ObjectMemory(self.segmenter, seen, mask)
            self._objects.append(TrackedObject(self._next_id, label, score, seen.number, memory))
            self._next_id += 1
        return torch.cat([masks, new.masks])

    def _in_sight(self, number: int, masks: Tensor) -> tuple[Instances, Tensor]:
        """Return the objects with a mask, best first; drop objects that were invisible for too long."""
        visible = masks.flatten(1).any(dim=1)
        for each, is_visible in zip(self._objects, visible.tolist(), strict=True):
            each.last_seen = number if is_visible else each.last_seen
        shown = [each for each in self._objects if each.last_seen == number]
        self._objects = [each for each in self._objects if number - each.last_seen <= self.patience]
        scores = torch.tensor([each.score for each in shown])
        order = scores.argsort(descending=True, stable=True)
        instances = Instances(
            masks=masks[visible][order],
            boxes=boxes_from_masks(masks[visible])[order],
            scores=scores[order],
            labels=torch.tensor([each.label for each in shown], dtype=torch.int64)[order],
        )
        return instances, torch.tensor([each.id for each in shown], dtype=torch.int64)[order]
