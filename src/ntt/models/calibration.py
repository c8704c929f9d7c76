"""Choosing a score threshold from the references alone, so that what is not there is not reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ntt.errors import InputError
from ntt.structures import Instances, Reference

if TYPE_CHECKING:
    from ntt.memory import MemoryBank
    from ntt.models.prototype_matching import PrototypeMatching

AUTO = "auto"
THRESHOLD = "score_threshold"  # the note in a memory's file that says what was found
MAX_REFERENCES = 60  # that are tried, evenly from all; more would sharpen the threshold little
SAME_OBJECT_IOU = 0.5
MIRRORED = 0.5  # what an object on another image scores, as a share of its mirror image's score
ALIKE = 0.5  # share of the object's own score from which another instance may be one of its class
TAIL = 0.05  # where only one kind of scores is known, so many of them end up on the wrong side


@dataclass(frozen=True)
class Calibration:
    """What was found on the references.

    Attributes:
        threshold: least score that is reported.
        present: scores of reference objects, whose class is known by its other references; where there is no
            other, half the score of the mirror image of the object.
        absent: scores of reference objects whose class is left out of the memory; with a single class, or a
            single reference of the class, the best score beside the object on its image.
        missed: objects, of those tried for ``present``, that no instance of their class covered.
    """

    threshold: float
    present: tuple[float, ...]
    absent: tuple[float, ...]
    missed: int


def checked_threshold(value: float | str) -> float:
    """A threshold that is a number.

    Raises:
        InputError: it is none, or outside [0, 1].
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 1:
        raise InputError(f"score_threshold={value} is not in [0, 1]: give a number, or {AUTO}")
    return number


def calibrate(
    model: PrototypeMatching,
    references: Iterable[Reference],
    on_reference: Callable[[], None] = lambda: None,
    known: MutableMapping[int, Any] | None = None,
) -> Calibration:
    """Find the score threshold that best separates objects of the classes from everything else.

    Reference images are segmented whole, as targets are: with a memory without this reference, for the score
    of an object whose class is known, and with a memory without its class, for the score of an object of an
    unknown class. The only reference of a class is looked for on its mirror image instead, whose score is
    halved, since an object on another image scores less; and the background of its image stands for the
    unknown, as it does where there is a single class.

    Args:
        model: fitted on these references, in this order.
        references: all of them; images are read and forgotten one after another.
        on_reference: called after each one that was tried.
        known: scores of references that were tried before, by their number; gets those of the others.

    Raises:
        InputError: there is no reference.
    """
    count = len(model.memory)
    if not count:
        raise InputError(f"score_threshold={AUTO} needs a reference: add one, or give a number")
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
    return Calibration(best_threshold(found, absent), found, tuple(absent), present.count(None))


def _some(references: Iterable[Reference], wanted: Sequence[int]) -> Iterator[tuple[int, Reference]]:
    """Those of some numbers, in their order; no others are read where they can be read by number."""
    if isinstance(references, Sequence | Dataset):
        yield from ((index, references[index]) for index in wanted)
    else:
        yield from (each for each in enumerate(references) if each[0] in wanted)


def _left_out(model: PrototypeMatching, reference: Reference, index: int) -> dict[str, list[float | None]]:
    """Scores of a reference's object while its class is known, and of what is not of its class."""
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
        present = None if mirrored is None else MIRRORED * mirrored
        absent = _beside(model, reference)
    return {"present": [present], "absent": absent}


def _mirrored(reference: Reference) -> Reference:
    """The mirror image of a reference."""
    assert reference.mask is not None, "masks are made before"
    return replace(reference, image=reference.image.flip(-1), mask=reference.mask.flip(-1))


def _beside(model: PrototypeMatching, reference: Reference) -> list[float | None]:
    """The best score beside the object on its own image, 0 without any.

    What scores at least ``ALIKE`` of the object's own score is taken for more of the class, which nobody
    marked, and says nothing.
    """
    assert reference.mask is not None, "masks are made before"
    found = model.predict(reference.image)
    on_object = overlap(found, reference) >= SAME_OBJECT_IOU
    own = float(found.scores[on_object].max()) if bool(on_object.any()) else 1.0
    beside = ~(found.masks & reference.mask).flatten(1).any(dim=1)
    others = found.scores[beside & (found.scores < ALIKE * own)]
    return [float(others.max()) if len(others) else 0.0]


def best_threshold(present: Sequence[float], absent: Sequence[float]) -> float:
    """The least score to be reported.

    The midpoint between two neighbouring scores where the share of ``present`` at or above it minus the share
    of ``absent`` at or above it is largest (Youden's index, 1950). With one kind of scores alone, a twentieth
    of them is on the wrong side.
    """
    if not present or not absent:
        known = torch.tensor([*present, *absent])
        return float(known.quantile(TAIL if present else 1 - TAIL)) if len(known) else 0.0
    # As doubles: the midpoint of the two smallest float32 would be 0, and part nothing.
    yes, no = (torch.tensor(scores, dtype=torch.float64) for scores in (present, absent))
    scores = torch.cat([yes, no]).unique()
    cuts = torch.cat([scores[:1], (scores[1:] + scores[:-1]) / 2])
    gain = (yes >= cuts[:, None]).float().mean(dim=1) - (no >= cuts[:, None]).float().mean(dim=1)
    return float(cuts[gain.argmax()])


def _score(
    model: PrototypeMatching, memory: MemoryBank, reference: Reference, name: str | None
) -> float | None:
    """Best score of an instance on the reference's object, of one class or of any; None without any."""
    with model.remembering(memory):
        found = model.predict(reference.image)
    wanted = torch.tensor([name in (None, memory.class_names[label]) for label in found.labels.tolist()])
    hits = wanted.bool().to(found.masks.device) & (overlap(found, reference) >= SAME_OBJECT_IOU)
    return float(found.scores[hits].max()) if bool(hits.any()) else None


def overlap(found: Instances, reference: Reference) -> Tensor:
    """IoU ``(N,)`` of each instance with the object of a reference, which has to have its mask."""
    assert reference.mask is not None, "masks are made before"
    mask = reference.mask.to(found.masks.device)
    shared = (found.masks & mask).flatten(1).sum(dim=1)
    union = (found.masks | mask).flatten(1).sum(dim=1)
    return shared / union.clamp(min=1)


def _evenly(count: int, most: int) -> list[int]:
    return torch.linspace(0, count - 1, min(count, most)).long().tolist()
