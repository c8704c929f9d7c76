"""What was found in a video, as files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from ntt.api.video_segmentation import VideoSegmentation
from ntt.evaluation import coco_results
from ntt.files import whole_file
from ntt.video.writing import VideoWriter


class VideoResults:
    """Writes ``annotated.mp4`` and ``frames.json``; see :func:`video_results`."""

    def __init__(self, video: VideoWriter, file: IO[str]) -> None:
        self._video = video
        self._file = file
        self._separator = ""

    def add(self, found: VideoSegmentation) -> None:
        """Draw and write what is in the next frame."""
        self._video.add(np.asarray(found.plot()), found.seconds)
        frame = {"frame": found.image_id, "seconds": round(found.seconds, 6), "instances": _instances(found)}
        self._file.write(self._separator + json.dumps(frame, allow_nan=False))
        self._separator = ",\n"


@contextmanager
def video_results(
    folder: Path, video: Path, class_names: Sequence[str], rate: Fraction
) -> Iterator[VideoResults]:
    """Files that are whole at the end of the block, and absent if it does not end well.

    ``frames.json`` has a frame on each line, and is valid JSON as a whole.

    Args:
        folder: where to write.
        video: what was looked at.
        class_names: in the order of their labels.
        rate: frames a second, on average.
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
            "id": identity,
            "class": name,
            "score": result["score"],
            "bbox": result["bbox"],
            "segmentation": result["segmentation"],
        }
        for identity, name, result in zip(found.ids.tolist(), found.names, results, strict=True)
    ]
