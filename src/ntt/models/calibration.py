"""Choosing a score threshold from the references alone, so that what is not there is not reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
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
TAIL = 0.05  # where only one kind of scores is known, so many of them end up on the wrong side


@dataclass(frozen=True)
class Calibration:
    """What was found on the references.

    Attributes:
        threshold: least score that is reported.
        present: scores of reference objects whose class is remembered by its other references.
        absent: scores of reference objects whose class has been forgotten, the least bad guesses.
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
    """Leave references out of the memory, look for them, and put the threshold where it errs least.

    Each reference picture is segmented twice, whole, as targets are: with a memory without this reference,
    which shows what the object scores while its class is known, and with a memory without its class, which
    shows the least bad guess for an object that was not asked for.

    Args:
        model: fitted on these references, in this order.
        references: all of them; pictures are read and forgotten one after another.
        on_reference: called after each one that was tried.
        known: scores of references that were tried before, by their number; gets those of the others.

    Raises:
        InputError: there is neither a second class nor a second reference of the only one.
    """
    count = len(model.memory)
    if count < 2:
        raise InputError(f"score_threshold={AUTO} needs two references at least: add one, or give a number")
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
    """Scores of a reference's object without this reference and without its class, as far as both can be."""
    memory, labels = model.memory, model.memory.labels
    name = memory.class_names[reference.label]
    one_out = torch.arange(len(labels)) != index
    scores: dict[str, list[float | None]] = {"present": [], "absent": []}
    if bool((labels[one_out] == reference.label).any()):
        scores["present"].append(_score(model, memory.subset(one_out), reference, name))
    class_out = labels != reference.label
    if bool(class_out.any()):
        scores["absent"].append(_score(model, memory.subset(class_out), reference, None) or 0.0)
    return scores


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
