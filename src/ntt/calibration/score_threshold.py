"""Calibration of the score threshold on the references, to suppress false positives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ntt.errors import InputError
from ntt.matching.selection import paired_iou
from ntt.structures import Instances, Reference

if TYPE_CHECKING:
    from ntt.memory import MemoryBank
    from ntt.models.prototype_matching import PrototypeMatching

AUTO = "auto"
THRESHOLD = "score_threshold"  # note in the memory file that stores the calibrated threshold
MAX_REFERENCES = 60  # number of references used, evenly spaced; more would hardly improve the threshold
SAME_OBJECT_IOU = 0.5
MIRRORED = 0.47  # expected score of an object on another image, as a share of its mirror image's score
MIRRORED_OF_SEVERAL = 0.4  # the same with several classes, as the probability of the class drops too
ALIKE = 0.5  # instances above this share of the object's score may belong to the same class
TAIL = 0.05  # share of misclassified scores if only present or only absent scores are available


@dataclass(frozen=True)
class Calibration:
    """Calibration result.

    Attributes:
        threshold: minimum score of reported instances.
        present: scores of reference objects when the memory contains the other references of their class; for
            a class with one reference, a share of the score of the object's mirror image.
        absent: scores of reference objects when the memory excludes their class; with a single class or a
            single reference of the class, the best score outside the object on its image.
        missed: number of reference objects without a matching instance of their class in the ``present``
            test.
    """

    threshold: float
    present: tuple[float, ...]
    absent: tuple[float, ...]
    missed: int


def checked_threshold(value: float | str) -> float:
    """Convert a threshold to a number.

    Raises:
        InputError: ``value`` is not a number in [0, 1].
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 1:
        raise InputError(f"score_threshold must be a number in [0, 1] or {AUTO}, got {value}")
    return number


def calibrate(
    model: PrototypeMatching,
    references: Iterable[Reference],
    on_reference: Callable[[], None] = lambda: None,
    known: MutableMapping[int, Any] | None = None,
) -> Calibration:
    """Find the score threshold that best separates objects of the classes from everything else.

    Each reference image is segmented like a target, twice: with a memory that excludes this reference, for
    the score of an object of a known class, and with a memory that excludes its class, for the score of an
    object of an unknown class. If a class has one reference, the object is scored on its mirror image
    instead; a share of this score is used, because objects on other images score lower. The background of the
    image then represents the unknown class, as it does if there is only one class.

    Args:
        model: model fitted on these references, in this order.
        references: all references; images are read one at a time.
        on_reference: called after each tested reference.
        known: scores of references tested before, by index; scores of the others are added.

    Raises:
        InputError: there are no references.
    """
    count = len(model.memory)
    if not count:
        raise InputError(f"score_threshold={AUTO} needs a reference: add one, or set a number")
    known = {} if known is None else known
    tried = _evenly(count, MAX_REFERENCES)
    left = [index for index in tried if index not in known]
    for _ in range(len(tried) - len(left)):
        on_reference()
    for index, reference in _some(references, left):
        known[index] = _left_out(model, model.with_mask(reference), index)
        on_reference()
    present = [score for index in tried for score in known[index]["present"]]
    absent = [score for index in tried for score in known[index]["absent"]]
    found = tuple(score for score in present if score is not None)
    lone = len(model.memory.labels.unique()) == count
    threshold = lone_threshold(present, absent) if lone and found else best_threshold(found, absent)
    return Calibration(threshold, found, tuple(absent), present.count(None))


def _some(references: Iterable[Reference], wanted: Sequence[int]) -> Iterator[tuple[int, Reference]]:
    """Yield the references with the wanted indices, in order, reading only these if indexing is possible."""
    if isinstance(references, Sequence | Dataset):
        yield from ((index, references[index]) for index in wanted)
    else:
        yield from (each for each in enumerate(references) if each[0] in wanted)


def _left_out(model: PrototypeMatching, reference: Reference, index: int) -> dict[str, list[float | None]]:
    """Score a reference's object with its class in the memory, and an object outside its class."""
    memory, labels = model.memory, model.memory.labels
    name = memory.class_names[reference.label]
    one_out = torch.arange(len(labels)) != index
    absent: list[float | None]
    if bool((labels[one_out] == reference.label).any()):
        present = _score(model, memory.subset(one_out), reference, name)
        class_out = labels != reference.label
        strangers = bool(class_out.any())
        absent = (
            [_score(model, memory.subset(class_out), reference, None) or 0.0]
            if strangers
            else (_beside(model, reference))
        )
    else:
        mirrored = _score(model, memory, _mirrored(reference), name)
        share = MIRRORED if len(memory.class_names) == 1 else MIRRORED_OF_SEVERAL
        present = None if mirrored is None else share * mirrored
        absent = _beside(model, reference)
    return {"present": [present], "absent": absent}


def _mirrored(reference: Reference) -> Reference:
    """Flip a reference horizontally."""
    assert reference.mask is not None, "references must have masks"
    return replace(reference, image=reference.image.flip(-1), mask=reference.mask.flip(-1))


def _beside(model: PrototypeMatching, reference: Reference) -> list[float | None]:
    """Return the best score outside the object on its own image, 0 if there is no instance.

    Instances that score at least ``ALIKE`` of the object's own score are ignored, because they may be
    unannotated objects of the same class.
    """
    assert reference.mask is not None, "references must have masks"
    found = model.predict(reference.image)
    on_object = overlap(found, reference) >= SAME_OBJECT_IOU
    own = float(found.scores[on_object].max()) if bool(on_object.any()) else 1.0
    beside = ~(found.masks & reference.mask).flatten(1).any(dim=1)
    others = found.scores[beside & (found.scores < ALIKE * own)]
    return [float(others.max()) if len(others) else 0.0]


def lone_threshold(present: Sequence[float | None], absent: Sequence[float]) -> float:
    """Mean over classes of the midpoint between both scores, for classes with one reference each.

    A cut through all scores at once would lie above the lower classes wherever one background scores high.

    Args:
        present: score of each object, in the order of ``absent``; None where the object was not found.
        absent: score of the background of the same image.
    """
    pairs = [(yes, no) for yes, no in zip(present, absent, strict=True) if yes is not None]
    return sum((yes + no) / 2 for yes, no in pairs) / len(pairs)


def best_threshold(present: Sequence[float], absent: Sequence[float]) -> float:
    """Compute the minimum score of reported instances.

    The threshold is the midpoint between neighbouring scores that maximises the share of ``present`` at or
    above it minus the share of ``absent`` at or above it (Youden's index, 1950). If one of them is empty, the
    threshold misclassifies a twentieth of the other.
    """
    if not present or not absent:
        known = torch.tensor([*present, *absent])
        return float(known.quantile(TAIL if present else 1 - TAIL)) if len(known) else 0.0
    # In float64, because the midpoint of the two smallest float32 numbers would round to 0.
    yes, no = (torch.tensor(scores, dtype=torch.float64) for scores in (present, absent))
    scores = torch.cat([yes, no]).unique()
    cuts = torch.cat([scores[:1], (scores[1:] + scores[:-1]) / 2])
    gain = (yes >= cuts[:, None]).float().mean(dim=1) - (no >= cuts[:, None]).float().mean(dim=1)
    return float(cuts[gain.argmax()])


def _score(
    model: PrototypeMatching, memory: MemoryBank, reference: Reference, name: str | None
) -> float | None:
    """Return the best score of an instance on the reference's object, of one class or any; None if none."""
    with model.using_memory(memory):
        found = model.predict(reference.image)
    wanted = torch.tensor([name in (None, memory.class_names[label]) for label in found.labels.tolist()])
    hits = wanted.bool().to(found.masks.device) & (overlap(found, reference) >= SAME_OBJECT_IOU)
    return float(found.scores[hits].max()) if bool(hits.any()) else None


def overlap(found: Instances, reference: Reference) -> Tensor:
    """Compute the IoU ``(N,)`` of each instance with the object of a reference that has a mask."""
    assert reference.mask is not None, "references must have masks"
    return paired_iou(found.masks, reference.mask[None].to(found.masks.device))


def _evenly(count: int, most: int) -> list[int]:
    return torch.linspace(0, count - 1, min(count, most)).long().tolist()
