"""A video file out of frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

# H.264 where FFmpeg has it, as in PyAV's wheels; the other is in every FFmpeg.
CODEC = next(name for name in ("libx264", "mpeg4") if name in av.codecs_available)
TICKS = Fraction(1, 60_000)  # of a second: fine enough for uneven frames; mpeg4 allows up to 65,535


class VideoWriter:
    """Writes an MP4 inside a ``with`` block.

    Args:
        path: the file.
        rate: frames a second, on average.
        codec: FFmpeg's name of it.
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
            pixels: ``(H, W, 3)`` uint8, RGB, of the size of the first.
            seconds: when it is shown; after the one before.
        """
        height, width = pixels.shape[:2]
        # The codecs halve the resolution of colours.
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
        stream.pix_fmt = "yuv420p"  # what browsers play
        stream.codec_context.time_base = TICKS
        self._stream = stream
        return stream
