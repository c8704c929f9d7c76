"""Output files of a segmented video."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from ntt.api.results import VideoSegmentation
from ntt.evaluation import coco_results
from ntt.io import whole_file
from ntt.video.files import VideoWriter


class VideoResults:
    """Writer of ``annotated.mp4`` and ``frames.json``; see :func:`video_results`."""

    def __init__(self, video: VideoWriter, file: IO[str]) -> None:
        self._video = video
        self._file = file
        self._separator = ""

    def add(self, found: VideoSegmentation) -> None:
        """Draw and write the result of the next frame."""
        self._video.add(np.asarray(found.plot()), found.seconds)
        frame = {"frame": found.image_id, "seconds": round(found.seconds, 6), "instances": _instances(found)}
        self._file.write(self._separator + json.dumps(frame, allow_nan=False))
        self._separator = ",\n"


@contextmanager
def video_results(
    folder: Path, video: Path, class_names: Sequence[str], rate: Fraction
) -> Iterator[VideoResults]:
    """Open the output files; they are complete after the block, and are not created if it raises.

    ``frames.json`` is valid JSON with one frame per line.

    Args:
        folder: output folder.
        video: path of the input video.
        class_names: class names by label.
        rate: average frames per second.
    """
    head = {"video": str(video), "classes": list(class_names)}
    with (
        whole_file(folder / "annotated.mp4") as mp4,
        whole_file(folder / "frames.json") as listing,
        VideoWriter(mp4, rate) as writer,
        listing.open("w", encoding="utf-8") as file,
    ):
        file.write(json.dumps(head)[:-1] + ', "frames": [\n')
        yield VideoResults(writer, file)
        file.write("\n]}\n")


def _instances(found: VideoSegmentation) -> list[dict[str, Any]]:
    results = coco_results(found.image_id, found, range(len(found.class_names)))
    return [
        {
            "id": object_id,
            "class": name,
            "score": result["score"],
            "bbox": result["bbox"],
            "segmentation": result["segmentation"],
        }
        for object_id, name, result in zip(found.ids.tolist(), found.names, results, strict=True)
    ]
