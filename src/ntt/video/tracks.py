"""Tracking by overlap: tracks of objects that are known only from detections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ntt.matching import boxes_from_masks
from ntt.matching.selection import mask_iou
from ntt.models import PrototypeMatching
from ntt.structures import Instances
from ntt.video.base import Tracker

NEWEST = 0.5  # weight of the newest displacement in the speed of an object


@dataclass(frozen=True)
class Track:
    """Last detection of an object.

    Attributes:
        id: identity of the object.
        label: class of the object.
        score: score of the detection.
        mask: ``(H, W)`` bool, never empty.
        number: frame number of the detection.
        speed: ``(2,)``, down and right, in pixels per frame; None before the second detection.
    """

    id: int
    label: int
    score: float
    mask: Tensor
    number: int
    speed: Tensor | None = None

    def mask_at(self, number: int) -> Tensor:
        """Extrapolate the mask to another frame at constant speed."""
        if self.speed is None:
            return self.mask
        down, right = (self.speed * (number - self.number)).round().long().tolist()
        return shifted(self.mask, down, right)

    def seen(self, number: int, mask: Tensor, score: float) -> Track:
        """Return the track updated by a detection in a later frame."""
        speed = (_centre(mask) - _centre(self.mask)) / (number - self.number)
        if self.speed is not None:
            speed = NEWEST * speed + (1 - NEWEST) * self.speed
        return replace(self, mask=mask, score=score, number=number, speed=speed)


class Tracks:
    """All tracks that may be continued.

    Args:
        min_iou: minimum mask IoU at which a detection is assigned to a known object of its class.
        patience: number of frames for which an object may be invisible; it is dropped in the next frame.
        every: detection interval in frames; frames without detection do not count as invisible.
    """

    def __init__(self, min_iou: float, patience: int, every: int = 1) -> None:
        self.min_iou = min_iou
        self.max_age = patience + every  # maximum number of frames since the last detection
        self._known: dict[int, Track] = {}
        self._next_id = 1

    def __len__(self) -> int:
        return len(self._known)

    def update(self, number: int, found: Instances) -> Tensor:
        """Update the tracks with the detections of a later frame.

        Args:
            number: frame number.
            found: N detected instances.

        Returns:
            Identities of the instances, ``(N,)`` int64.
        """
        self._known = {k: each for k, each in self._known.items() if number - each.number <= self.max_age}
        before = list(self._known.values())
        masks = torch.stack([track.mask_at(number) for track in before]) if before else found.masks[:0]
        labels = torch.tensor([track.label for track in before], dtype=torch.int64)
        pairs = assign(masks, labels, found.masks, found.labels, self.min_iou)
        known = {column: before[row] for row, column in pairs}
        ids = [self._enter(number, found, index, known.get(index)) for index in range(len(found))]
        return torch.tensor(ids, dtype=torch.int64)

    def moved_on(self, number: int, ids: Tensor, height: int, width: int) -> tuple[Instances, Tensor]:
        """Extrapolate objects to a frame; return those still inside the image and their identities."""
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
    """Shift a mask ``(H, W)`` by whole pixels; pixels outside the image are dropped."""
    height, width = mask.shape
    down, right = max(-height, min(height, down)), max(-width, min(width, right))
    moved = torch.zeros_like(mask)
    moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = mask[
        max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
    ]
    return moved


def _centre(mask: Tensor) -> Tensor:
    """Compute the centroid of a mask, ``(2,)``: row and column."""
    return torch.nonzero(mask).float().mean(dim=0)


def assign(
    masks: Tensor, labels: Tensor, new_masks: Tensor, new_labels: Tensor, min_iou: float
) -> list[tuple[int, int]]:
    """Assign detections to known objects of the same class by maximising the total mask IoU.

    Args:
        masks: ``(N, H, W)`` bool, predicted masks of the known objects.
        labels: ``(N,)`` classes of the known objects.
        new_masks: ``(M, H, W)`` bool, masks of the detections.
        new_labels: ``(M,)`` classes of the detections.
        min_iou: minimum IoU of a pair; pairs without overlap are always excluded.

    Returns:
        Pairs of object index and detection index; each index occurs at most once.

    Reference:
        Hungarian method, as in SORT for boxes (Bewley et al., arXiv 1602.00763).
    """
    if not len(masks) or not len(new_masks):
        return []
    iou = mask_iou(masks, new_masks) * (labels[:, None] == new_labels[None])
    iou = torch.where(iou >= min_iou, iou, 0.0)
    rows, columns = linear_sum_assignment(iou.numpy(), maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if iou[row, column] > 0]


class OverlapTracker(Tracker):
    """Assign detections to objects by the overlap with their masks, extrapolated at constant speed.

    In frames without detection, the last visible objects are extrapolated.

    Args:
        model: fitted model that detects the objects.
        settings: settings of :class:`Tracker`.
    """

    def __init__(self, model: PrototypeMatching, **settings: Any) -> None:
        super().__init__(model, **settings)
        self._tracks = Tracks(self.min_iou, self.patience, self.every)
        self._seen = torch.zeros(0, dtype=torch.int64)

    def _follow(self, number: int, image: Tensor) -> tuple[Instances, Tensor]:
        found = self._detect(number, image)
        if found is None:
            return self._tracks.moved_on(number, self._seen, *image.shape[1:])
        self._seen = self._tracks.update(number, found)
        return found, self._seen
