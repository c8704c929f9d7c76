"""Mining of hard negatives on the references: objects that the model assigns to a wrong class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset

from ntt.calibration.score_threshold import SAME_OBJECT_IOU, overlap
from ntt.data.masks import decode_mask, json_mask
from ntt.structures import Reference

if TYPE_CHECKING:
    from ntt.models.prototype_matching import PrototypeMatching


@dataclass(frozen=True)
class Mistake:
    """Prediction of a wrong class on a reference object.

    Attributes:
        index: index of the reference.
        label: wrongly predicted class.
        score: score of the prediction.
        mask: predicted mask in the format of ``json_mask``.
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
    """Find the most confident mistakes on the reference images, to use them as hard negatives.

    A mistake is an instance on a reference's object with another class than the reference. Instances outside
    the object are not used, because they may be correct but not annotated. The code of *No time to train!*
    (arXiv 2507.02798) calls these stages test_support and fill_memory_neg.

    Args:
        model: model fitted on the references.
        references: references with their true labels.
        per_class: maximum number of mistakes per wrongly predicted class.
        on_reference: called after each reference.
        known: mistakes on references processed before, by index; mistakes on the others are added.

    Returns:
        The mistakes, sorted by class and by decreasing score.
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


def as_hard_negatives(
    references: Sequence[Reference] | Dataset[Reference],
    mistakes: Sequence[Mistake],
    class_names: Sequence[str],
) -> Iterator[Reference]:
    """Convert mistakes to references of hard negatives, in order, reading one image at a time.

    Args:
        references: references on which the mistakes were made.
        mistakes: mistakes to convert.
        class_names: class names in label order.
    """
    for mistake in mistakes:
        reference = references[mistake.index]
        source = f"{reference.source}, predicted as {class_names[mistake.label]}"
        yield Reference(reference.image, decode_mask(mistake.mask), mistake.label, source)


def _mistakes(model: PrototypeMatching, reference: Reference) -> list[tuple[int, float, Any]]:
    """Return label, score and mask of each wrong prediction on a reference's object."""
    instances = model.predict(reference.image)
    on_object = overlap(instances, reference) >= SAME_OBJECT_IOU
    return [
        (int(instances.labels[index]), float(instances.scores[index]), json_mask(instances.masks[index]))
        for index in (on_object & (instances.labels != reference.label)).nonzero()[:, 0].tolist()
    ]
