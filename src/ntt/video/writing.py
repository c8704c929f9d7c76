"""Writing of video files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

# H.264 if available, as in PyAV's wheels; every FFmpeg has mpeg4.
CODEC = next(name for name in ("libx264", "mpeg4") if name in av.codecs_available)
TICKS = Fraction(1, 60_000)  # seconds; fine enough for uneven frame times; mpeg4 allows at most 65,535


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
