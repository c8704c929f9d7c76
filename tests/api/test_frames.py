from pathlib import Path

import pytest
import torch
from PIL import Image

from ntt import InputError
from ntt.api.images import open_frames


def picture(height=20, width=30):
    return torch.zeros(3, height, width)


def test_open_frames_numbers_images_and_reads_them_lazily():
    given = iter([picture(), picture(), None])
    frames = open_frames(given)
    assert [
        (seconds, frame.image_id, tuple(frame.image.shape)) for seconds, frame in (next(frames), next(frames))
    ] == [
        (0.0, 0, (3, 20, 30)),
        (1.0, 1, (3, 20, 30)),
    ]
    assert next(given) is None, "the third image was not read yet"


def test_open_frames_of_a_folder_orders_images_by_name(tmp_path):
    for name in ("02.png", "01.png"):
        Image.new("RGB", (30, 20), (int(name[:2]), 0, 0)).save(tmp_path / name)
    frames = [frame for _, frame in open_frames(tmp_path)]
    assert [(frame.image_id, frame.path.name) for frame in frames] == [(0, "01.png"), (1, "02.png")]


def test_open_frames_rejects_different_sizes():
    frames = open_frames([picture(), picture(), picture(height=21)])
    with pytest.raises(
        InputError, match="frame 2 is 30 x 21 pixels, the frames before 30 x 20; resize all to one size"
    ):
        list(frames)


def test_open_frames_without_frames_raises(tmp_path):
    with pytest.raises(InputError, match="the list is empty"):
        open_frames([])
    with pytest.raises(InputError, match="there is no frame"):
        list(open_frames(iter([])))
    with pytest.raises(InputError, match=r"absent\.mp4: video not found"):
        open_frames(Path(tmp_path / "absent.mp4"))
