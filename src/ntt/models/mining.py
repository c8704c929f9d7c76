"""Finding look-alikes among the references: what the model mistakes for a class there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ntt.models.calibration import SAME_OBJECT_IOU, overlap
from ntt.structures import Reference

if TYPE_CHECKING:
    from ntt.models.prototype_matching import PrototypeMatching


def mine_negatives(
    model: PrototypeMatching,
    references: Iterable[Reference],
    per_class: int,
    on_reference: Callable[[], None] = lambda: None,
) -> list[Reference]:
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

    Returns:
        References of look-alikes, labelled by the class that they are not, most confident first.
    """
    found: defaultdict[int, list[tuple[float, Reference]]] = defaultdict(list)
    for reference in references:
        instances = model.predict(reference.image)
        on_object = overlap(instances, reference) >= SAME_OBJECT_IOU
        for index in (on_object & (instances.labels != reference.label)).nonzero()[:, 0].tolist():
            label, score = int(instances.labels[index]), float(instances.scores[index])
            mistake = Reference(
                reference.image,
                instances.masks[index],
                label,
                f"{reference.source}, taken for {model.memory.class_names[label]}",
            )
            found[label].append((score, mistake))
        on_reference()
        for label, mistakes in found.items():
            found[label] = sorted(mistakes, key=lambda pair: -pair[0])[:per_class]
    return [mistake for label in sorted(found) for _, mistake in found[label]]
