"""Check for memory leaks and unclosed files over many images in one process.

    python scripts/soak.py

Print memory and open files every 100 images, and at the end the growth after the first 200. The models are
small and untrained, and the images small, since only resources are measured. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pytorch_lightning import Callback

from ntt.config.composition import CONF, announce

EVERY, WARM_UP = 100, 200
SIDE = 128
held: list[tuple[int, int, int]] = []  # images, bytes resident, files open


class Watch(Callback):
    """Record memory and open files after every hundredth image."""

    def on_test_batch_end(self, *arguments: Any) -> None:
        """Record the resources of the process."""
        batch_idx = arguments[4]
        if (batch_idx + 1) % EVERY == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            resident, files = pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path("/proc/self/fd").iterdir()))
            held.append((batch_idx + 1, resident, files))
            print(f"{batch_idx + 1:5d} images: {resident / 2**20:7.1f} MiB, {files} files open", flush=True)


def main() -> None:
    """Run train.py's stages on generated images."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000, help="number of images, at least 300")
    count = parser.parse_args().images
    if count < 300:
        parser.error(f"--images must be at least 300, since the first {WARM_UP} are warm-up; got {count}")
    announce()
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), count)
    later = [each for each in held if each[0] >= WARM_UP]
    growth = max(resident for _, resident, _ in later) / later[0][1] - 1
    print(f"After the first {WARM_UP}: memory grew by at most {growth:.1%}, files open: {files_said(later)}")


def files_said(later: list[tuple[int, int, int]]) -> str:
    """List the distinct numbers of open files."""
    return " or ".join(map(str, sorted({files for _, _, files in later})))


def run(folder: Path, count: int) -> None:
    """Run the stages with the callback ``Watch``."""
    from hydra import compose, initialize_config_dir

    from ntt.commands.train import run_stages
    from ntt.runs.fingerprint import run_fingerprint
    from ntt.runs.run_directory import RunFolder

    write_data(folder, count)
    overrides = [
        f"dataset.reference_file={folder}/references.json",
        f"dataset.target_file={folder}/targets.json",
        *(f"dataset.{part}_images={folder}/images" for part in ("reference", "target")),
        "dataset.shots=2",
        *("encoder.weights=random", "encoder.img_size=96", "segmenter.weights=random", "trainer=cpu"),
        *("model.proposals.max_prompts=4", "task=semantic", "callbacks.visualizations.images=0"),
        f"+callbacks.watch._target_={__name__}.Watch",
        f"paths.output={folder}/run",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", overrides)
    with RunFolder(folder / "run", run_fingerprint(cfg), ["soak"], resume=False) as run_folder:
        run_stages(cfg, run_folder)


def write_data(folder: Path, count: int) -> None:
    """Write two references and ``count`` targets, noise images with a square."""
    generator = np.random.default_rng(0)
    (folder / "images").mkdir()
    for name in range(8):
        pixels = generator.integers(0, 255, (SIDE, SIDE, 3), np.uint8)
        pixels[40:80, 40:80] = 200
        Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
    for part, images in (("references", 2), ("targets", count)):
        (folder / f"{part}.json").write_text(json.dumps(annotations(images)))


def annotations(images: int) -> dict[str, Any]:
    """Return annotations in COCO format, one square per image."""
    numbers = range(1, images + 1)
    square = {"category_id": 1, "segmentation": [[40, 40, 80, 40, 80, 80, 40, 80]], "iscrowd": 0}
    return {
        "images": [{"id": k, "file_name": f"{k % 8}.png", "height": SIDE, "width": SIDE} for k in numbers],
        "categories": [{"id": 1, "name": "square"}],
        "annotations": [
            {**square, "id": k, "image_id": k, "bbox": [40, 40, 40, 40], "area": 1600} for k in numbers
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
