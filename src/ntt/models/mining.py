"""Finding look-alikes among the references: what the model mistakes for a class there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset

from ntt.data.masks import decode_mask, json_mask
from ntt.models.calibration import SAME_OBJECT_IOU, overlap
from ntt.structures import Reference

if TYPE_CHECKING:
    from ntt.models.prototype_matching import PrototypeMatching


@dataclass(frozen=True)
class Mistake:
    """What was mistaken for a class.

    Attributes:
        index: number of the reference.
        label: the class that it is not.
        score: of the mistake.
        mask: of what was mistaken, as ``json_mask`` writes it.
    """

    index: int
    label: int
    score: float
    mask: Any


def mine_negatives(
    model: PrototypeMatching,
    references: Iterable[Reference],
    per_class: int,
    on_reference: Callable[[], None] = lambda: None,
    known: MutableMapping[int, Any] | None = None,
) -> list[Mistake]:
    """The most confident mistakes on the reference pictures, to be remembered as look-alikes.

    A mistake is an instance on a reference's object that has another class than the reference. What is found
    beside the object is no mistake that one can be sure of: it may be of its class and not annotated. These
    are the stages that the code of *No time to train!* (arXiv 2507.02798) calls test_support and
    fill_memory_neg.

    Args:
        model: fitted on the references.
        references: with their true labels.
        per_class: at most so many for each class that others were mistaken for.
        on_reference: called after each one.
        known: mistakes on references that were looked at before, by their number; gets those of the others.

    Returns:
        They, class by class, most confident first.
    """
    found: defaultdict[int, list[Mistake]] = defaultdict(list)
    known = {} if known is None else known
    for index, reference in enumerate(references):
        if index not in known:
            known[index] = _mistakes(model, reference)
        for label, score, mask in known[index]:
            found[label].append(Mistake(index, label, score, mask))
        on_reference()
        for label, mistakes in found.items():
            found[label] = sorted(mistakes, key=lambda mistake: -mistake.score)[:per_class]
    return [mistake for label in sorted(found) for mistake in found[label]]


def look_alikes(
    references: Sequence[Reference] | Dataset[Reference],
    mistakes: Sequence[Mistake],
    class_names: Sequence[str],
) -> Iterator[Reference]:
    """Mistakes as references of what a class is not, in their order; each picture is read in its turn.

    Args:
        references: that they were made on.
        mistakes: on them.
        class_names: of their labels.
    """
    for mistake in mistakes:
        reference = references[mistake.index]
        source = f"{reference.source}, taken for {class_names[mistake.label]}"
        yield Reference(reference.image, decode_mask(mistake.mask), mistake.label, source)


def _mistakes(model: PrototypeMatching, reference: Reference) -> list[tuple[int, float, Any]]:
    """Label, score and mask of what is mistaken on a reference's object."""
    instances = model.predict(reference.image)
    on_object = overlap(instances, reference) >= SAME_OBJECT_IOU
    return [
        (int(instances.labels[index]), float(instances.scores[index]), json_mask(instances.masks[index]))
        for index in (on_object & (instances.labels != reference.label)).nonzero()[:, 0].tolist()
    ]
