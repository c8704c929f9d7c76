"""Measure models and encoders on the photo benchmark: one table, one row per model and encoder.

    python scripts/benchmarks/photos.py                     # every model of MODELS, all embedded encoders
    python scripts/benchmarks/photos.py --models guided,insid3 --encoders dinov3_nano --limit 10
    python scripts/benchmarks/photos.py --split reported    # for reported results; choose options on tuning
    python scripts/benchmarks/photos.py --build             # only draw the scenes
    python scripts/benchmarks/photos.py --fss FOLDER        # N.jpg and N_mask.png, the layout of FSS-1000

Arguments without dashes are overrides of conf/train.yaml for all runs. Scenes are drawn on first use, from
Debian packages downloaded by apt (``nano.photo_benchmark``). Scenes, runs and ``results.csv``, to
which each row is appended, are in ``photo_benchmark`` in the cache: ``$NTT_CACHE``, else ``~/.cache/ntt``.

``mIoU`` is computed from the union of the instances of a class, over all images: ``auto`` at the threshold
calibrated by ``score_threshold=auto``, ``best`` at the best threshold. ``found`` is the share of objects
covered by an instance of their class with an IoU of 0.5, ``kept`` the share of these reported with
``score_threshold=auto``. The last two columns use ``score_threshold=auto`` on scenes without the classes:
``false positives`` are instances per image, ``silent`` is the share of images without an instance.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from ntt.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))  # for the package nano
CACHE = Path(os.environ.get("NTT_CACHE", Path.home() / ".cache" / "ntt"))
MODELS = ("photographs", "insid3", "guided", "matching_baseline_noamg")
ENCODERS = ("efficientnet_lite0", "dinov3_nano", "dinov2_nano")
COLUMNS = {
    "AP": "AP",
    "AP50": "AP50",
    "mIoU auto": "mIoU_auto",
    "mIoU best": "mIoU_best",
    "found": "found",
    "kept": "kept",
    "false positives": "false_positives",
    "silent": "silent",
    "s/image": "seconds",
}
FSS_REFERENCES = 3  # each of the first images is the reference once
FSS_COLUMNS = {"mIoU of all": "mIoU_all", "mIoU best": "mIoU_best", "s/image": "seconds"}
COVERED = 0.5  # minimum IoU of an instance that covers a true object
THRESHOLDS = 40  # number of thresholds tested for the best mIoU

Result = Mapping[str, Any]


def main() -> None:
    """Draw the scenes if necessary, measure, print the table and append to the results."""
    options = arguments()
    if options.fss:
        columns, measure = FSS_COLUMNS, lambda overrides, run: measure_fss(options, overrides, run)
        title = f"{options.fss.name}, each of {FSS_REFERENCES} references in turn"
    else:
        from nano.photo_benchmark import build, packages_folder

        build(options.folder, packages_folder(CACHE), [options.split], options.shots)
        columns, measure = COLUMNS, lambda overrides, run: measure_split(options, overrides, run)
        title = f"{options.split}, {options.shots} shot"
    if options.build:
        return
    print(f"{title}\n\n| model | encoder | {' | '.join(columns)} |\n|---|---{'|---:' * len(columns)}|")
    for model in options.models:
        for encoder in options.encoders:
            run = options.folder / "runs" / (options.fss.name if options.fss else options.split)
            overrides = [f"model={model}", f"encoder={encoder}", *options.overrides]
            measured = measure(overrides, run / f"{model}_{encoder}")
            row = {"of": title, "limit": options.limit, "model": model, "encoder": encoder, **measured}
            append(options.folder / "results.csv", row, options.overrides)
            numbers = " | ".join(written(measured.get(key)) for key in columns.values())
            print(f"| {model} | {encoder} | {numbers} |", flush=True)
            if "failed" in measured:
                print(f"{model}, {encoder}: {measured['failed']}", file=sys.stderr)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="override", help="override of conf/train.yaml")
    parser.add_argument("--split", choices=("tuning", "reported"), default="tuning")
    parser.add_argument(
        "--models", type=names, default=default_models(), metavar="A,B", help="models in conf/model"
    )
    parser.add_argument(
        "--encoders", type=names, default=list(ENCODERS), metavar="A,B", help="encoders in conf/encoder"
    )
    parser.add_argument("--shots", type=int, default=1, help="references per class")
    parser.add_argument("--limit", type=int, help="maximum number of images of each part")
    parser.add_argument(
        "--folder", type=Path, default=CACHE / "photo_benchmark", help="folder of scenes and results"
    )
    parser.add_argument(
        "--fss", type=Path, metavar="FOLDER", help="measure on this folder instead of the scenes"
    )
    parser.add_argument("--build", action="store_true", help="only draw the scenes")
    # parse_args accepts overrides before, between and after the options.
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    return options


def names(text: str) -> list[str]:
    """Split names at commas."""
    return [name for name in text.split(",") if name]


def default_models() -> list[str]:
    """Return the entries of ``MODELS`` that exist in conf/model."""
    return [model for model in MODELS if (ROOT / "conf" / "model" / f"{model}.yaml").exists()]


def measure_split(options: argparse.Namespace, overrides: Sequence[str], run: Path) -> dict[str, Any]:
    """Measure AP, mIoU and time on the targets of a split, and false positives in its empty scenes."""
    from ntt.data.photos import split_folder

    common = [
        "dataset=photos",
        f"dataset.folder={options.folder}",
        f"dataset.split={options.split}",
        f"dataset.shots={options.shots}",
        f"dataset.limit={'null' if options.limit is None else options.limit}",
        *overrides,
    ]
    metrics = run_train([*common, "dataset.part=targets"], run / "targets")
    if isinstance(metrics, str):
        return {"failed": metrics}
    empty = run_train([*common, "dataset.part=empty", "score_threshold=auto"], run / "empty")
    truth = json.loads(
        (split_folder(options.folder, options.split, options.shots) / "targets.json").read_text()
    )
    images = [each["id"] for each in truth["images"]][: options.limit]
    overlaps = ClassUnions(images, truth["annotations"], read_results(run / "targets"))
    found = {
        "AP": metrics["segm"]["AP"],
        "AP50": metrics["segm"]["AP50"],
        "mIoU_best": max(overlaps.mean_iou(each) for each in overlaps.thresholds()),
        "seconds": metrics["timing"]["test"] / metrics["timing"]["images"],
    }
    if isinstance(empty, str):
        return {**found, "failed": f"score_threshold=auto: {empty}"}
    reported = read_results(run / "empty")
    count = empty["timing"]["images"]
    found["false_positives"] = len(reported) / count
    found["silent"] = 1 - len({each["image_id"] for each in reported}) / count
    if "calibration" in empty:
        found["threshold"] = empty["calibration"]["threshold"]
        found["mIoU_auto"] = overlaps.mean_iou(found["threshold"])
        scores = object_scores(truth["annotations"], read_results(run / "targets"), set(images))
        covered = [score for score in scores if score is not None]
        found["found"] = len(covered) / max(1, len(scores))
        found["kept"] = sum(score >= found["threshold"] for score in covered) / max(1, len(covered))
    return found


def measure_fss(options: argparse.Namespace, overrides: Sequence[str], run: Path) -> dict[str, Any]:
    """Measure the mean IoU of all instances over images, for each of the first images as reference."""
    images = fss_images(options.fss)
    every: list[tuple[float, float]] = []
    seconds: list[float] = []
    for reference in images[:FSS_REFERENCES]:
        targets = [each for each in images if each != reference][: options.limit]
        here = run / f"reference_{reference.stem}"
        here.mkdir(parents=True, exist_ok=True)
        truth = write_coco(here / "targets.json", targets)
        write_coco(here / "references.json", [reference])
        metrics = run_train(
            [
                "dataset=custom",
                f"dataset.reference_file={here / 'references.json'}",
                f"dataset.reference_images={options.fss.resolve()}",
                f"dataset.target_file={here / 'targets.json'}",
                f"dataset.target_images={options.fss.resolve()}",
                *overrides,
            ],
            here / "run",
        )
        if isinstance(metrics, str):
            return {"failed": metrics}
        ids = [each["id"] for each in truth["images"]]
        overlaps = ClassUnions(ids, truth["annotations"], read_results(here / "run"))
        best = max(overlaps.mean_image_iou(each) for each in overlaps.thresholds())
        every.append((overlaps.mean_image_iou(0), best))
        seconds.append(metrics["timing"]["test"] / metrics["timing"]["images"])
    of_all, best = np.mean(every, axis=0).tolist()
    return {"mIoU_all": of_all, "mIoU_best": best, "seconds": float(np.mean(seconds))}


class ClassUnions:
    """Unions of the instances of each class in each image, compared with the unions of the true objects.

    Args:
        images: Ids of all segmented images.
        truth: COCO annotations with run lengths.
        results: COCO results with run lengths.
    """

    def __init__(self, images: Iterable[int], truth: Sequence[Result], results: Sequence[Result]) -> None:
        self.images = set(images)
        self._true = self._by_place(truth)
        self._found = self._by_place(results)
        self._scores = [each["score"] for each in results]

    def thresholds(self) -> list[float]:
        """Return the thresholds to test: 0 and quantiles of the scores."""
        return [0.0, *np.quantile(self._scores or [0.0], np.linspace(0, 1, THRESHOLDS)).tolist()]

    def mean_iou(self, threshold: float) -> float:
        """Compute the mean over classes with a true object of the IoU, pixels summed over all images."""
        shared: defaultdict[int, int] = defaultdict(int)
        united: defaultdict[int, int] = defaultdict(int)
        for (_, category), inner, outer in self._areas(threshold):
            shared[category] += inner
            united[category] += outer
        present = {category for _, category in self._true}
        return sum(shared[each] / united[each] for each in present) / max(1, len(present))

    def mean_image_iou(self, threshold: float) -> float:
        """Compute the mean IoU over all images and the classes present in each."""
        ious = [inner / outer for place, inner, outer in self._areas(threshold) if place in self._true]
        return sum(ious) / max(1, len(ious))

    def _areas(self, threshold: float) -> list[tuple[tuple[int, int], int, int]]:
        """Return image and category with the pixels in both unions and in either."""
        areas = []
        for place in sorted({*self._true, *self._found}):
            true = coco_mask.merge([each["segmentation"] for each in self._true.get(place, [])])
            kept = [each for each in self._found.get(place, []) if each["score"] >= threshold]
            found = coco_mask.merge([each["segmentation"] for each in kept])
            sizes = [int(coco_mask.area(each)) if each["size"][0] else 0 for each in (true, found)]
            both = 0
            if all(sizes):
                both = int(coco_mask.area(coco_mask.merge([true, found], intersect=True)))
            areas.append((place, both, sum(sizes) - both))
        return areas

    def _by_place(self, entries: Sequence[Result]) -> dict[tuple[int, int], list[Result]]:
        places: defaultdict[tuple[int, int], list[Result]] = defaultdict(list)
        for each in entries:
            if each["image_id"] in self.images:
                places[each["image_id"], each["category_id"]].append(each)
        return dict(places)


def object_scores(
    truth: Sequence[Result], results: Sequence[Result], images: Container[int]
) -> list[float | None]:
    """Return for each true object the best score of a covering instance of its class; None without one.

    Args:
        truth: COCO annotations with run lengths.
        results: COCO results with run lengths.
        images: Ids of all segmented images.
    """
    by_place: defaultdict[tuple[int, int], list[Result]] = defaultdict(list)
    for each in results:
        by_place[each["image_id"], each["category_id"]].append(each)
    scores: list[float | None] = []
    for entry in truth:
        if entry["image_id"] not in images:
            continue
        candidates = by_place[entry["image_id"], entry["category_id"]]
        overlaps = coco_mask.iou([each["segmentation"] for each in candidates], [entry["segmentation"]], [0])
        covering = [
            each["score"] for each, iou in zip(candidates, overlaps, strict=True) if iou[0] >= COVERED
        ]
        scores.append(max(covering, default=None))
    return scores


def run_train(overrides: Sequence[str], folder: Path) -> dict[str, Any] | str:
    """Run train.py; return the content of ``metrics.json``, or the last line of the output if it fails."""
    command = [sys.executable, str(ROOT / "train.py"), "resume=false", "callbacks=predictions", *overrides]
    done = subprocess.run([*command, f"hydra.run.dir={folder}"], capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return metrics


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Read ``predictions.json`` of a run."""
    results: list[dict[str, Any]] = json.loads((folder / "predictions.json").read_text())
    return results


def fss_images(folder: Path) -> list[Path]:
    """Return the images with a mask file, ordered by number.

    Raises:
        InputError: There are fewer than two.
    """
    images = [file for file in numbered_images(folder) if mask_file(file).exists()]
    if len(images) < 2:
        raise InputError(
            f"{folder}: must contain at least two images N.jpg with N_mask.png, got {len(images)}"
        )
    return images


def numbered_images(folder: Path) -> list[Path]:
    """Return the images N.jpg in a folder, ordered by number."""
    return sorted(folder.glob("*.jpg"), key=lambda file: (len(file.stem), file.stem))


def mask_file(image: Path) -> Path:
    """Return the path of the mask of an image."""
    return image.with_name(f"{image.stem}_mask.png")


def read_mask(image: Path) -> NDArray[np.bool_]:
    """Read the mask of an image, ``(H, W)``; its edges are soft, so it is thresholded at half."""
    with Image.open(mask_file(image)) as mask:
        return np.asarray(mask.convert("L")) >= 128


def write_coco(file: Path, images: Sequence[Path]) -> dict[str, Any]:
    """Write a COCO file with one object per image, the white pixels of its mask."""
    content: dict[str, Any] = {"categories": [{"id": 1, "name": "object"}], "images": [], "annotations": []}
    for number, image in enumerate(images, start=1):
        pixels = read_mask(image).astype(np.uint8)
        rle = coco_mask.encode(np.asfortranarray(pixels))
        height, width = pixels.shape
        content["images"].append({"id": number, "file_name": image.name, "width": width, "height": height})
        content["annotations"].append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "segmentation": {"size": [height, width], "counts": rle["counts"].decode()},
                "bbox": [float(value) for value in coco_mask.toBbox(rle)],
                "area": int(coco_mask.area(rle)),
                "iscrowd": 0,
            }
        )
    file.write_text(json.dumps(content))
    return content


def append(file: Path, row: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Append a row to the table of results."""
    columns = ["when", "of", "limit", "model", "encoder", "overrides"]
    columns += list(dict.fromkeys([*COLUMNS.values(), *FSS_COLUMNS.values(), "threshold", "failed"]))
    new = not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, columns)
        if new:
            writer.writeheader()
        when = datetime.now().isoformat(timespec="seconds")
        writer.writerow({"when": when, "overrides": " ".join(overrides), **row})


def written(value: Any) -> str:
    """Format a value for the table."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    from ntt.engine.command import exit_on_bad_input

    with exit_on_bad_input():
        main()
