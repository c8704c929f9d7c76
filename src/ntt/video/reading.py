"""Frames of a video file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ntt.errors import InputError

USUAL_RATE = Fraction(25)  # frames a second, where a file says nothing
# Decoders take what is cut short or damaged in different ways.
UNREADABLE = (av.FFmpegError, ValueError, EOFError)


class VideoFile:
    """A video, read anew each time that it is iterated over, a frame at a time.

    Yields the second and the pixels ``(H, W, 3)`` uint8, RGB, of each frame, as players show it.

    Args:
        path: of any format that FFmpeg reads.

    Attributes:
        path: the file.
        rate: frames a second, on average.

    Raises:
        InputError: the file is absent, is no video, or has no pictures; from the iteration too, where a
            frame cannot be read, has another size than those before, or there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as (_, stream):
            self.rate = stream.average_rate or stream.guessed_rate or USUAL_RATE

    @cached_property
    def length(self) -> int:
        """Frames, as far as one can tell without decoding them."""
        with self._opened() as (container, stream):
            return stream.frames or sum(1 for packet in container.demux(stream) if packet.size)

    def __iter__(self) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """See the class."""
        number, shape = 0, None
        with self._opened() as (container, stream):
            stream.thread_type = "AUTO"
            frames = container.decode(stream)
            while (frame := self._next(frames, number)) is not None:
                pixels = _upright(frame)
                shape = shape or pixels.shape
                if pixels.shape != shape:
                    sizes = [f"{width} x {height}" for height, width, _ in (pixels.shape, shape)]
                    raise InputError(
                        f"{self.path}: frame {number} is {sizes[0]} pixels, those before {sizes[1]}; "
                        "convert the video to one size"
                    )
                yield frame.time if frame.time is not None else float(number / self.rate), pixels
                number += 1
        if not number:
            raise InputError(f"{self.path}: has no frame; take another video")

    def _next(self, frames: Iterator[av.VideoFrame], number: int) -> av.VideoFrame | None:
        try:
            return next(frames, None)
        except UNREADABLE as error:
            raise InputError(
                f"{self.path}: frame {number} cannot be read ({_reason(error)}); convert the video"
            ) from error

    @contextmanager
    def _opened(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such video; correct the path")
        try:
            container = av.open(self.path, metadata_errors="ignore")
        except UNREADABLE as error:
            raise InputError(
                f"{self.path}: cannot be read as a video ({_reason(error)}); take another, or convert it"
            ) from error
        with container:
            # The cover of a piece of music is a video stream too.
            streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
            if not streams:
                raise InputError(f"{self.path}: has no pictures, at most sound; take a video")
            yield container, streams[0]


def _upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Phones store what they film as the sensor lies, and note how to turn it."""
    pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]
