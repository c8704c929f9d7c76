"""Identities of objects that detections alone are known of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ntt.matching import boxes_from_masks
from ntt.structures import Instances
from ntt.video.assignment import assign

NEWEST = 0.5  # share of the newest step in an object's speed


@dataclass(frozen=True)
class Track:
    """An object as it was seen last.

    Attributes:
        id: its identity.
        label: its class.
        score: of the detection.
        mask: ``(H, W)`` bool, never empty.
        number: of the frame.
        speed: ``(2,)``, down and right, in pixels a frame; None until it was seen twice.
    """

    id: int
    label: int
    score: float
    mask: Tensor
    number: int
    speed: Tensor | None = None

    def mask_at(self, number: int) -> Tensor:
        """Its mask in another frame, if it goes on as it did."""
        if self.speed is None:
            return self.mask
        down, right = (self.speed * (number - self.number)).round().long().tolist()
        return shifted(self.mask, down, right)

    def seen(self, number: int, mask: Tensor, score: float) -> Track:
        """The same object in a later frame."""
        speed = (_centre(mask) - _centre(self.mask)) / (number - self.number)
        if self.speed is not None:
            speed = NEWEST * speed + (1 - NEWEST) * self.speed
        return replace(self, mask=mask, score=score, number=number, speed=speed)


class Tracks:
    """All objects that may be seen again.

    Args:
        min_iou: mask IoU from which a detection is a known object of its class.
        patience: frames for which an object may be out of sight; it is forgotten in the next one.
        every: objects are looked for in every so many frames; in between none is out of sight.
    """

    def __init__(self, min_iou: float, patience: int, every: int = 1) -> None:
        self.min_iou = min_iou
        self.remembered = patience + every  # frames from one in which an object was seen
        self._known: dict[int, Track] = {}
        self._next_id = 1

    def __len__(self) -> int:
        return len(self._known)

    def update(self, number: int, found: Instances) -> Tensor:
        """Take what was found in a later frame than before.

        Args:
            number: of the frame.
            found: N instances.

        Returns:
            Their identities ``(N,)`` int64.
        """
        self._known = {k: each for k, each in self._known.items() if number - each.number <= self.remembered}
        before = list(self._known.values())
        masks = torch.stack([track.mask_at(number) for track in before]) if before else found.masks[:0]
        labels = torch.tensor([track.label for track in before], dtype=torch.int64)
        pairs = assign(masks, labels, found.masks, found.labels, self.min_iou)
        known = {column: before[row] for row, column in pairs}
        ids = [self._enter(number, found, index, known.get(index)) for index in range(len(found))]
        return torch.tensor(ids, dtype=torch.int64)

    def moved_on(self, number: int, ids: Tensor, height: int, width: int) -> tuple[Instances, Tensor]:
        """Where known objects should be in a frame, and the identities of those still in the picture."""
        tracks = [self._known[each] for each in ids.tolist()]
        if not tracks:
            return Instances.empty(height, width), ids
        masks = torch.stack([track.mask_at(number) for track in tracks])
        moved = Instances(
            masks=masks,
            boxes=boxes_from_masks(masks),
            scores=torch.tensor([track.score for track in tracks]),
            labels=torch.tensor([track.label for track in tracks]),
        )
        inside = masks.flatten(1).any(dim=1)
        return moved.subset(inside), ids[inside]

    def _enter(self, number: int, found: Instances, index: int, known: Track | None) -> int:
        mask, score = found.masks[index], float(found.scores[index])
        if known is None:
            track = Track(self._next_id, int(found.labels[index]), score, mask, number)
            self._next_id += 1
        else:
            track = known.seen(number, mask, score)
        self._known[track.id] = track
        return track.id


def shifted(mask: Tensor, down: int, right: int) -> Tensor:
    """``(H, W)`` moved by whole pixels; what leaves the picture is gone."""
    height, width = mask.shape
    down, right = max(-height, min(height, down)), max(-width, min(width, right))
    moved = torch.zeros_like(mask)
    moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = mask[
        max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
    ]
    return moved


def _centre(mask: Tensor) -> Tensor:
    """Of gravity, ``(2,)``: rows and columns."""
    return torch.nonzero(mask).float().mean(dim=0)
