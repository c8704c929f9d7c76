from fractions import Fraction

import av
import numpy as np
import pytest

from ntt.video import VideoFile
from ntt.video.files import VideoWriter


def test_video_writer_uses_a_widely_supported_format(video):
    with av.open(video(count=4)) as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.format.name) == ("h264", "yuv420p")
        assert (stream.frames, stream.average_rate) == (4, 10)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_video_writer_keeps_frames_and_times_with_both_codecs(tmp_path, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    with VideoWriter(tmp_path / "a.mp4", Fraction(30_000, 1001), codec) as writer:
        for number in range(4):
            writer.add(np.full((40, 64, 3), 60 * number, np.uint8), number * 1001 / 30_000)
    times, frames = zip(*VideoFile(tmp_path / "a.mp4"), strict=True)
    assert times == pytest.approx([number * 1001 / 30_000 for number in range(4)], abs=1e-4)
    assert [round(float(frame.mean()) / 60) for frame in frames] == [0, 1, 2, 3]


def test_video_writer_pads_odd_sides(video):
    frames = [pixels for _, pixels in VideoFile(video(size=(47, 63)))]
    assert {pixels.shape for pixels in frames} == {(48, 64, 3)}
    assert np.ptp(frames[0].astype(int)) < 8, "the border repeats the image"


def test_video_writer_keeps_uneven_times(video):
    uneven = [0.0, 0.04, 0.5, 0.51, 2.0]
    assert [seconds for seconds, _ in VideoFile(video(seconds=uneven))] == pytest.approx(uneven, abs=1e-4)


def test_video_writer_keeps_frames_without_increasing_times(video):
    assert len(list(VideoFile(video(seconds=[0.0, 0.0, 0.2, 0.1, 0.3])))) == 5


def test_video_writer_without_frames_closes_after_an_error(tmp_path):
    with pytest.raises(KeyError, match="of the caller"), VideoWriter(tmp_path / "a.mp4", Fraction(25)):
        raise KeyError("of the caller")
