"""Results of your own images as files: overlays, similarity maps, masks and one COCO file."""

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
from ntt.api.coco_file import CocoFile
from ntt.engine.run_folder import PREDICTIONS
from ntt.files import UNFINISHED, whole_file
from ntt.reporting.pictures import draw_similarity
from ntt.reporting.pictures.canvas import LEAST_SIDE, resize_pixels

MAX_SIMILARITY_MAPS = 11  # with the image itself three rows of four


class PredictionFolder:
    """``overlays/<stem>.jpg``, ``masks/<stem>/<k>_<class>.png`` and ``predictions.json``.

    Results that carry similarity maps also get ``similarity/<stem>.png``.
    Pictures whose names differ only in folder or ending become ``<stem>``, ``<stem>_2`` and so on. To be used
    as a context: where that ends with an error, what there is so far is in ``predictions_so_far.json``.

    Args:
        folder: where to write.
        class_names: in the order of their labels.
        home: the folder that the names in ``predictions.json`` are relative to.
    """

    def __init__(self, folder: Path, class_names: Sequence[str], home: Path) -> None:
        self.folder = folder
        self.home = home
        self.coco = CocoFile(class_names)
        self._stems: set[str] = set()
        self._separator = ""

    def __enter__(self) -> Self:
        """Begin to write."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # On disk from the first picture on: of many pictures, memory would not hold all masks.
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
        """Write what was found in a picture that has a file."""
        file = found.path
        assert file is not None, "pictures of a folder have one"
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
        """Draw where each class is seen, if that is known and there are classes."""
        if found.similarity is None or not len(found.similarity):
            return
        classes = classes_to_draw(found.similarity, found.labels)
        # Nothing is drawn larger than a panel: a float copy of a large image would be a waste.
        height, width = found.pixels.shape[:2]
        scale = min(1.0, LEAST_SIDE / max(height, width))
        pixels = resize_pixels(found.pixels, max(1, round(scale * height)), max(1, round(scale * width)))
        image = torch.from_numpy(pixels).permute(2, 0, 1) / 255
        names = [found.class_names[label] for label in classes.tolist()]
        draw_similarity(self.folder / "similarity" / f"{stem}.png", image, found.similarity[classes], names)

    def _stem(self, wanted: str) -> str:
        """A name that no other picture has, on file systems without capital letters either."""
        stem, number = wanted, 1
        while stem.lower() in self._stems:
            number += 1
            stem = f"{wanted}_{number}"
        self._stems.add(stem.lower())
        return stem


def classes_to_draw(similarity: Tensor, labels: Tensor) -> Tensor:
    """Classes whose maps are drawn: those found, then those most similar to some patch, in label order.

    Args:
        similarity: ``(K, h, w)`` cosine of every patch with every class.
        labels: ``(N,)`` int64, classes of the instances found.

    Returns:
        ``(min(K, MAX_SIMILARITY_MAPS),)`` int64, ascending.
    """
    peaks = similarity.float().flatten(1).amax(dim=1).cpu()
    peaks[labels.unique().cpu()] += 2.0  # more than any cosine differs from another
    return peaks.argsort(descending=True, stable=True)[:MAX_SIMILARITY_MAPS].sort().values


def _as_file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)
