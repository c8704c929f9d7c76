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
from PIL import Image

import ntt
from ntt.errors import InputError

if TYPE_CHECKING:
    from ntt.api import FewShotSegmenter

ROOT = Path(__file__).resolve().parents[1]
SAME_OBJECT_IOU = 0.5

Mask = NDArray[np.bool_]


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
    targets: dict[Path, list[Mask]] = field(default_factory=dict)


def main() -> None:
    """Measure every class, print a table with one row per class and the totals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="override", help="override of predict.py")
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

    model = ntt.load(overrides=options.words)
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
            numbers = np.asarray(Image.open(file))
            image = folder / "targets" / (file.stem.removesuffix("_mask") + ".jpg")
            each.targets[image] = [numbers == number for number in range(1, int(numbers.max()) + 1)]
        classes.append(each)
    return classes


def added_class(name: str, folder: str = "") -> PhotoClass:
    """Return a class in a folder; the first image with a mask is the reference.

    Raises:
        InputError: no image has a mask.
    """
    images = sorted(Path(folder).glob("*.jpg"), key=lambda file: (len(file.stem), file.stem))
    masks = {image: image.with_name(f"{image.stem}_mask.png") for image in images}
    annotated = [image for image in images if masks[image].exists()]
    if not folder or not annotated:
        raise InputError(f"--add={name}={folder}: contains no NAME.jpg with NAME_mask.png")
    found = PhotoClass(name, (annotated[0], masks[annotated[0]]))
    for image in images:
        if image != annotated[0]:
            mask = [np.asarray(Image.open(masks[image]).convert("L")) > 127] if image in annotated else []
            found.targets[image] = mask
    return found


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


def object_scores(model: FewShotSegmenter, image: Path, masks: list[Mask]) -> list[float | None]:
    """Return the best score of an instance on each object, None where there is none."""
    result = model.predict(image)
    scores: list[float | None] = []
    for mask in masks:
        shared = np.array([(each & mask).sum() / (each | mask).sum() for each in np.asarray(result.masks)])
        on_object = np.asarray(result.scores)[shared >= SAME_OBJECT_IOU] if len(shared) else shared
        scores.append(float(on_object.max()) if len(on_object) else None)
    return scores


def written(counts: NDArray[np.int_]) -> str:
    """Write counts as cells of a table."""
    return " | ".join(f"{part} of {total}" for part, total in counts.tolist())


if __name__ == "__main__":
    main()
