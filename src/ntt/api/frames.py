"""Video frames from all inputs that the Python API accepts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from torch import Tensor

from ntt.api.pictures import OpenPicture, Picture, as_tensor, open_picture, several
from ntt.errors import InputError
from ntt.video import VideoFile

Video: TypeAlias = str | os.PathLike[str] | VideoFile | Iterable[Picture]
Frame: TypeAlias = tuple[float, OpenPicture]  # time in seconds, and the frame; its image_id is its number


def open_frames(video: Video) -> Iterator[Frame]:
    """Iterate over the frames of a video file, or over images of one size: a list, generator or folder.

    The images of a folder are ordered by name.

    Raises:
        InputError: the file does not exist or there is no image; during iteration, a frame is unreadable or
            differs in size from the first.
    """
    if isinstance(video, str | os.PathLike) and not Path(video).is_dir():
        video = VideoFile(Path(video))
    if isinstance(video, VideoFile):
        return _of_file(video)
    return _of_pictures(several(video))


def _of_file(video: VideoFile) -> Iterator[Frame]:
    for number, (seconds, pixels) in enumerate(video):
        yield seconds, OpenPicture(as_tensor(pixels, f"frame {number}"), number, None)


def _of_pictures(pictures: Iterable[Picture]) -> Iterator[Frame]:
    first: Tensor | None = None
    for number, picture in enumerate(pictures):
        opened = open_picture(picture, number)
        first = opened.image if first is None else first
        if opened.image.shape != first.shape:
            sizes = [f"{image.shape[2]} x {image.shape[1]}" for image in (opened.image, first)]
            raise InputError(
                f"frame {number} is {sizes[0]} pixels, the frames before {sizes[1]}; resize all to one size"
            )
        yield float(number), OpenPicture(opened.image, number, opened.path)
    if first is None:
        raise InputError("there is no frame to segment; pass at least one")
