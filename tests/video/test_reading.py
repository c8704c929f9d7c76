import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.video import VideoFile


def make(path, sizes=((48, 64),), codec="mpeg4", container=None, rotation=0):
    """Write three dark frames per size and concatenate the files of all sizes."""
    parts = []
    for height, width in sizes:
        with av.open(path, "w", format=container) as output:
            stream = output.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            if rotation:
                stream.set_display_rotation(rotation)
            for _ in range(3):
                pixels = np.zeros((height, width, 3), np.uint8)
                pixels[:16, :16] = 255
                output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            output.mux(stream.encode(None))
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))
    return path


def make_sound(path, cover=False):
    with av.open(path, "w") as output:
        sound = output.add_stream("flac" if cover else "pcm_s16le", rate=8000)
        sound.layout = "mono"
        picture = output.add_stream("png", rate=1) if cover else None
        if picture is not None:
            picture.height = picture.width = 16
            picture.pix_fmt = "rgb24"
            picture.disposition = av.stream.Disposition.attached_pic
            pixels = np.zeros((16, 16, 3), np.uint8)
            for packet in [
                *picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")),
                *picture.encode(),
            ]:
                output.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux([*sound.encode(frame), *sound.encode(None)])
    return path


def test_video_file_yields_frames_and_times_in_each_iteration(video):
    file = VideoFile(video(count=5))
    assert (file.rate, file.length) == (10, 5)
    for _ in range(2):
        seconds, frames = zip(*file, strict=True)
        assert seconds == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
        for number, pixels in enumerate(frames):
            assert (pixels.shape, pixels.dtype) == ((48, 64, 3), np.uint8)
            assert abs(pixels.astype(int) - (20 + 20 * number)).max() < 8


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "mpeg4"), ("a.avi", "mpeg4"), ("a.webm", "libvpx")])
def test_video_file_reads_and_counts_other_containers(tmp_path, name, codec):
    file = VideoFile(make(tmp_path / name, codec=codec))
    assert len(list(file)) == file.length == 3


@pytest.mark.parametrize(("rotation", "corner"), [(90, (-8, 8)), (-90, (8, -8)), (180, (-8, -8))])
def test_video_file_rotates_frames_upright(tmp_path, rotation, corner):
    """The rotation is in degrees counterclockwise, as in ``ffmpeg``."""
    (_, pixels), *_ = VideoFile(make(tmp_path / "a.mp4", rotation=rotation))
    assert pixels.shape == ((48, 64, 3) if rotation == 180 else (64, 48, 3))
    assert pixels[corner].min() > 200
    assert pixels[8, 8].max() < 60


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("absent.mp4", None, "video not found; correct the path"),
        ("empty.mp4", b"", "cannot be read as a video"),
        ("text.mp4", b"not a video at all\n" * 99, "cannot be read as a video"),
    ],
)
def test_video_file_rejects_missing_and_other_files(tmp_path, name, content, problem):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem) as error:
        VideoFile(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(error.value)


def test_video_file_rejects_a_folder(tmp_path):
    with pytest.raises(InputError, match="video not found"):
        VideoFile(tmp_path)


@pytest.mark.parametrize("cover", [False, True])
def test_video_file_rejects_files_without_video_stream(tmp_path, cover):
    with pytest.raises(InputError, match="contains no video stream"):
        VideoFile(make_sound(tmp_path / ("a.flac" if cover else "a.wav"), cover))


def test_video_file_without_frames_raises(tmp_path):
    with av.open(tmp_path / "a.avi", "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        output.start_encoding()
    file = VideoFile(tmp_path / "a.avi")
    assert file.length == 0
    with pytest.raises(InputError, match="contains no frame; use another video"):
        list(file)


def test_video_file_rejects_frames_of_two_sizes(tmp_path):
    file = VideoFile(
        make(tmp_path / "a.ts", sizes=((48, 64), (64, 96)), codec="mpeg2video", container="mpegts")
    )
    with pytest.raises(
        InputError, match=r"frame \d is 96 x 64 pixels, the frames before 64 x 48; convert the video"
    ):
        list(file)


@settings(max_examples=50, deadline=None)
@given(at=st.floats(0, 1), length=st.integers(1, 400), seed=st.integers(0, 99))
def test_damaged_video_files_are_read_or_rejected_in_one_line(tmp_path_factory, at, length, seed):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    if not (folder / "whole.mkv").exists():
        make(folder / "whole.mkv", codec="libx264")
    content = bytearray((folder / "whole.mkv").read_bytes())
    start = int(at * (len(content) - 1))
    noise = np.random.default_rng(seed).bytes(min(length, len(content) - start))
    content[start : start + len(noise)] = noise
    (folder / "a.mkv").write_bytes(content)
    problem = ""
    try:
        file = VideoFile(folder / "a.mkv")
        assert file.length >= 0
        assert all(pixels.shape[2] == 3 for _, pixels in file)
    except InputError as error:
        problem = str(error)
    assert not problem or problem.startswith(f"{folder / 'a.mkv'}: ")
    assert "\n" not in problem
