"""Reading and writing of video files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ntt.errors import InputError

USUAL_RATE = Fraction(25)  # frames per second, if the file does not contain the rate
# Decoders raise different exceptions for truncated and damaged files.
UNREADABLE = (av.FFmpegError, ValueError, EOFError)
# H.264 if available, as in PyAV's wheels; every FFmpeg has mpeg4.
CODEC = next(name for name in ("libx264", "mpeg4") if name in av.codecs_available)
TICKS = Fraction(1, 60_000)  # seconds; fine enough for uneven frame times; mpeg4 allows at most 65,535


class VideoFile:
    """A video file; each iteration reads it from the start, frame by frame.

    Yields time in seconds and pixels ``(H, W, 3)`` uint8, RGB, of each frame, rotated as in players.

    Args:
        path: file in any format that FFmpeg reads.

    Attributes:
        path: path of the file.
        rate: average frames per second.

    Raises:
        InputError: the file is missing, is not a video, or has no video stream; during iteration, a frame is
            unreadable or differs in size from the previous ones, or there is no frame.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as (_, stream):
            self.rate = stream.average_rate or stream.guessed_rate or USUAL_RATE

    @cached_property
    def length(self) -> int:
        """Number of frames, estimated without decoding."""
        with self._opened() as (container, stream):
            return stream.frames or sum(1 for packet in container.demux(stream) if packet.size)

    def __iter__(self) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Iterate over time and pixels of the frames; see the class."""
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
                        f"{self.path}: frame {number} is {sizes[0]} pixels, the frames before {sizes[1]}; "
                        "convert the video to one size"
                    )
                yield frame.time if frame.time is not None else float(number / self.rate), pixels
                number += 1
        if not number:
            raise InputError(f"{self.path}: contains no frame; use another video")

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
            raise InputError(f"{self.path}: video not found; correct the path")
        try:
            container = av.open(self.path, metadata_errors="ignore")
        except UNREADABLE as error:
            raise InputError(
                f"{self.path}: cannot be read as a video ({_reason(error)}); convert it or use another"
            ) from error
        with container:
            # Cover images of music files are video streams too.
            streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
            if not streams:
                raise InputError(f"{self.path}: contains no video stream; use a video file")
            yield container, streams[0]


def _upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Rotate a frame upright; phones store frames in sensor orientation with a rotation tag."""
    pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


class VideoWriter:
    """Context manager that writes an MP4 file.

    Args:
        path: output file.
        rate: average frames per second.
        codec: FFmpeg name of the codec.
    """

    def __init__(self, path: Path, rate: Fraction, codec: str = CODEC) -> None:
        self._container = av.open(path, "w", format="mp4")
        self._rate = rate
        self._codec = codec
        self._stream: VideoStream | None = None
        self._last_tick = -1

    def add(self, pixels: NDArray[np.uint8], seconds: float) -> None:
        """Encode the next frame.

        Args:
            pixels: ``(H, W, 3)`` uint8, RGB, of the same size as the first frame.
            seconds: presentation time in seconds, after that of the previous frame.
        """
        height, width = pixels.shape[:2]
        # Chroma subsampling requires even sides.
        even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        stream = self._stream or self._start(even)
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        self._last_tick = max(self._last_tick + 1, round(seconds / TICKS))
        frame.pts, frame.time_base = self._last_tick, TICKS
        self._container.mux(stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None and error is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def _start(self, pixels: NDArray[np.uint8]) -> VideoStream:
        stream = self._container.add_stream(self._codec, rate=self._rate)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = pixels.shape[:2]
        stream.pix_fmt = "yuv420p"  # supported by browsers
        stream.codec_context.time_base = TICKS
        self._stream = stream
        return stream
