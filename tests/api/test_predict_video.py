from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch

from colour_world import BLUE, RED, model
from ntt import FewShotSegmenter, InputError, VideoSegmentation
from ntt.video import OverlapTracker
from ntt.video.files import VideoWriter

SETTINGS = {"every": 1, "min_iou": 0.3, "patience": 30, "share_of_best": 0.6, "max_objects": 20}


@pytest.fixture
def following(example):
    tracking = partial(OverlapTracker, **SETTINGS)
    return FewShotSegmenter(model(), tracking).fit([example("red"), example("blue")])


def test_predict_video_of_a_file_and_of_its_frames_are_equal(following, scene, as_array, tmp_path):
    frames = [as_array(scene(*colours)[0]) for colours in ((RED,), (RED, BLUE), (RED, BLUE))]
    with VideoWriter(tmp_path / "clip.mp4", Fraction(4)) as writer:
        for number, pixels in enumerate(frames):
            writer.add(pixels, number / 4)
    for video, seconds in ((tmp_path / "clip.mp4", [0.0, 0.25, 0.5]), (frames, [0.0, 1.0, 2.0])):
        found = list(following.predict_video(video))
        assert [each.seconds for each in found] == seconds
        assert [each.image_id for each in found] == [0, 1, 2]
        pairs = [sorted(zip(each.ids.tolist(), each.names, strict=True)) for each in found]
        assert pairs == [[(1, "red")], [(1, "red"), (2, "blue")], [(1, "red"), (2, "blue")]]
        assert all(each.masks.shape[1:] == (64, 96) for each in found)


def test_predict_video_reads_frames_lazily(following, scene):
    asked = []

    def frames():
        for number in range(3):
            asked.append(number)
            yield scene(RED)[0]

    stream = following.predict_video(frames())
    assert asked == []
    next(stream)
    assert asked == [0]
    again = following.predict_video([scene(BLUE)[0]])
    assert next(again).ids.tolist() == [1], "ids of another video start at 1"
    assert next(stream).ids.tolist() == [1]


def test_video_results_can_be_filtered_drawn_and_exported(following, scene):
    (found,) = following.predict_video([scene(RED, BLUE)[0]])
    assert isinstance(found, VideoSegmentation)
    best = found.subset(torch.tensor([1]))
    assert (best.ids.tolist(), len(best)) == ([2], 1)
    assert found.above(2.0).ids.tolist() == []
    assert found.to_supervision().tracker_id.tolist() == [1, 2]
    assert np.asarray(found.plot()).shape == (400, 600, 3)


def test_predict_video_rejects_invalid_input(fitted, following, tmp_path):
    with pytest.raises(InputError, match="created without tracking"):
        fitted.predict_video([])
    with pytest.raises(InputError, match="the reference memory is empty"):
        FewShotSegmenter(model()).predict_video([])
    with pytest.raises(InputError, match="video not found"):
        following.predict_video(tmp_path / "absent.mp4")
