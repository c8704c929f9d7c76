"""Measure ``score_threshold=auto`` on photographs: objects it keeps, and images without objects left silent.

    python scripts/measure_auto.py                         # the photographs in data/photos
    python scripts/measure_auto.py --add apple=FOLDER      # and NAME.jpg with NAME_mask.png of another class
    python scripts/measure_auto.py model=insid3 segmenter=none

Arguments without dashes are overrides of predict.py. Each class in turn is the only class of the memory, with
one reference. ``found``: objects with an instance of IoU 0.5 at any score. ``kept``: how many of these the
calibrated threshold keeps. ``silent``: images without the class in which nothing is reported.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy, stack

import ntt
from benchmarks.photos import mask_file, numbered_images, read_mask
from ntt.calibration.score_threshold import SAME_OBJECT_IOU
from ntt.data.mask_images import read_masks
from ntt.errors import InputError
from ntt.matching.selection import mask_iou

if TYPE_CHECKING:
    from ntt.api import FewShotSegmenter

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class PhotoClass:
    """A class and its photographs.

    Attributes:
        name: name of the class.
        reference: image and mask of the only reference.
        targets: other images of the class, with the mask of each object; empty where the objects are not
            annotated.
    """

    name: str
    reference: tuple[Path, Path]
    targets: dict[Path, list[Tensor]] = field(default_factory=dict)


def main() -> None:
    """Measure every class, print a table with one row per class and the totals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="override", help="override of predict.py")
    parser.add_argument(
        "--add", action="append", default=[], metavar="CLASS=FOLDER", help="folder of photographs of a class"
    )
    options = parser.parse_args()
    classes = repository_classes(ROOT / "data" / "photos")
    classes += [added_class(*each.split("=", 1)) for each in options.add]
    contents: dict[Path, set[str]] = {}
    for each in classes:
        for image in (each.reference[0], *each.targets):
            contents.setdefault(image, set()).add(each.name)

    model = ntt.load(overrides=options.overrides)
    print("| class | threshold | found | kept | silent |\n|---|---:|---:|---:|---:|")
    totals = np.zeros((3, 2), int)
    for each in classes:
        absent = [image for image, names in contents.items() if each.name not in names]
        threshold, counts = measure(model, each, absent)
        totals += counts
        print(f"| {each.name} | {threshold:.3f} | {written(counts)} |", flush=True)
    print(f"| all | | {written(totals)} |")


def repository_classes(folder: Path) -> list[PhotoClass]:
    """Return the classes in ``data/photos``."""
    classes = []
    for masks in sorted((folder / "masks").iterdir()):
        mask = next((folder / "references" / masks.name).glob("*_mask.png"))
        each = PhotoClass(masks.name, (mask.with_name(mask.stem.removesuffix("_mask") + ".jpg"), mask))
        for file in masks.glob("*_mask.png"):
            image = folder / "targets" / (file.stem.removesuffix("_mask") + ".jpg")
            each.targets[image] = list(read_masks(file))
        classes.append(each)
    return classes


def added_class(name: str, folder: str = "") -> PhotoClass:
    """Return a class in a folder; the first image with a mask is the reference.

    Raises:
        InputError: no image has a mask.
    """
    images = numbered_images(Path(folder))
    annotated = [image for image in images if mask_file(image).exists()]
    if not folder or not annotated:
        raise InputError(f"--add={name}={folder}: contains no NAME.jpg with NAME_mask.png")
    reference = annotated[0]
    targets = {image: [from_numpy(read_mask(image))] if image in annotated else [] for image in images}
    del targets[reference]
    return PhotoClass(name, (reference, mask_file(reference)), targets)


def measure(
    model: FewShotSegmenter, photo_class: PhotoClass, absent: list[Path]
) -> tuple[float, NDArray[np.int_]]:
    """Return the calibrated threshold and found, kept and silent, ``(3, 2)``, each count with its total."""
    image, mask = photo_class.reference
    model.fit([ntt.Example(image, photo_class.name, mask=mask)])
    threshold = model.score_threshold
    silent = sum(not len(model.predict(image)) for image in absent)
    model.model.score_threshold = 0.0
    scores = []
    for image, masks in photo_class.targets.items():
        if masks:
            scores += object_scores(model, image, masks)
    found = [score for score in scores if score is not None]
    kept = sum(score >= threshold for score in found)
    return threshold, np.array([(len(found), len(scores)), (kept, len(found)), (silent, len(absent))])


def object_scores(model: FewShotSegmenter, image: Path, masks: list[Tensor]) -> list[float | None]:
    """Return the best score of an instance on each object, None where there is none."""
    result = model.predict(image)
    covers = mask_iou(stack(masks), result.masks) >= SAME_OBJECT_IOU
    return [max(result.scores[each].tolist(), default=None) for each in covers]


def written(counts: NDArray[np.int_]) -> str:
    """Write counts as cells of a table."""
    return " | ".join(f"{part} of {total}" for part, total in counts.tolist())


if __name__ == "__main__":
    from ntt.engine.command import exit_on_bad_input

    with exit_on_bad_input():
        main()
