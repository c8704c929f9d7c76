"""Prediction output files: overlays, similarity maps, masks and one COCO file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ntt.api import Segmentation
from ntt.api.results import CocoFile
from ntt.io import UNFINISHED, whole_file
from ntt.runs.run_directory import PREDICTIONS
from ntt.visualization import draw_similarity
from ntt.visualization.canvas import LEAST_SIDE, resize_pixels

MAX_SIMILARITY_MAPS = 11  # three rows of four with the image itself


class PredictionFolder:
    """Writer of ``overlays/<stem>.jpg``, ``masks/<stem>/<k>_<class>.png`` and ``predictions.json``.

    Results with similarity maps also get ``similarity/<stem>.png``. Images whose paths differ only in folder
    or extension become ``<stem>``, ``<stem>_2`` and so on. Use it as a context manager; if that exits with an
    error, the results so far are in ``predictions_so_far.json``.

    Args:
        folder: Output directory.
        class_names: Class names in label order.
        home: Folder to which the file names in ``predictions.json`` are relative.
    """

    def __init__(self, folder: Path, class_names: Sequence[str], home: Path) -> None:
        self.folder = folder
        self.home = home
        self.coco = CocoFile(class_names)
        self._stems: set[str] = set()
        self._separator = ""

    def __enter__(self) -> Self:
        """Open the output file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Write annotations as they come, because the masks of many images do not fit in memory.
        self._written = self.folder / f".predictions.{UNFINISHED}.json"
        self._file = self._written.open("w", encoding="utf-8")
        self._file.write('{"annotations": [')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        rest = {"images": self.coco.images, "categories": self.coco.categories}
        self._file.write("\n], " + json.dumps(rest, allow_nan=False)[1:] + "\n")
        self._file.close()
        if self.coco.images:
            name = PREDICTIONS if error is None else "predictions_so_far.json"
            self._written.replace(self.folder / name)
        self._written.unlink(missing_ok=True)

    def add(self, found: Segmentation) -> None:
        """Write the results of an image that was read from a file."""
        file = found.path
        assert file is not None, "images of a folder have a path"
        stem = self._stem(file.stem)
        found.save(self.folder / "overlays" / f"{stem}.jpg")
        self._draw_similarity(found, stem)
        for k, (mask, name) in enumerate(zip(found.masks, found.names, strict=True), start=1):
            with whole_file(self.folder / "masks" / stem / f"{k:03d}_{_as_file_name(name)}.png") as path:
                Image.fromarray(mask.numpy().astype(np.uint8) * 255).convert("1").save(path)
        for annotation in self.coco.annotations(found, file.relative_to(self.home).as_posix()):
            self._file.write(f"{self._separator}\n{json.dumps(annotation, allow_nan=False)}")
            self._separator = ","

    def _draw_similarity(self, found: Segmentation, stem: str) -> None:
        """Draw the similarity maps if there are any."""
        if found.similarity is None or not len(found.similarity):
            return
        classes = classes_to_draw(found.similarity, found.labels)
        # Panels are at most LEAST_SIDE pixels; shrink first to avoid a float copy of a large image.
        height, width = found.pixels.shape[:2]
        scale = min(1.0, LEAST_SIDE / max(height, width))
        pixels = resize_pixels(found.pixels, max(1, round(scale * height)), max(1, round(scale * width)))
        image = torch.from_numpy(pixels).permute(2, 0, 1) / 255
        names = [found.class_names[label] for label in classes.tolist()]
        draw_similarity(self.folder / "similarity" / f"{stem}.png", image, found.similarity[classes], names)

    def _stem(self, wanted: str) -> str:
        """Return a unique stem, also on case-insensitive file systems."""
        stem, number = wanted, 1
        while stem.lower() in self._stems:
            number += 1
            stem = f"{wanted}_{number}"
        self._stems.add(stem.lower())
        return stem


def classes_to_draw(similarity: Tensor, labels: Tensor) -> Tensor:
    """Select the classes whose maps are drawn: predicted classes first, then those with the highest peak.

    Args:
        similarity: ``(K, h, w)`` cosine similarity of each patch with each class.
        labels: ``(N,)`` int64, classes of the predicted instances.

    Returns:
        ``(min(K, MAX_SIMILARITY_MAPS),)`` int64, ascending.
    """
    peaks = similarity.float().flatten(1).amax(dim=1).cpu()
    peaks[labels.unique().cpu()] += 2.0  # the largest possible difference of two cosines
    return peaks.argsort(descending=True, stable=True)[:MAX_SIMILARITY_MAPS].sort().values


def _as_file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)
