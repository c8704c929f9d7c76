import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from ntt import VideoSegmentation
from ntt.api.video_files import video_results
from ntt.matching import boxes_from_masks
from ntt.video import VideoFile


def found(number, ids, size=(40, 60)):
    """Create a result with one square per id, side by side."""
    masks = torch.zeros(len(ids), *size, dtype=torch.bool)
    for k, mask in enumerate(masks):
        mask[10:20, 4 + 14 * k : 14 + 14 * k] = True
    scores, labels = torch.full((len(ids),), 0.5), torch.arange(len(ids)) % 2
    pixels = np.full((*size, 3), 90, np.uint8)
    parts = masks, boxes_from_masks(masks), scores, labels, ("red", "blue"), pixels, number, None
    return VideoSegmentation(*parts, torch.tensor(ids, dtype=torch.int64), number / 10)


@pytest.fixture
def write(tmp_path):
    def call(*frames):
        with video_results(tmp_path, Path("street.mp4"), ("red", "blue"), Fraction(10)) as results:
            for frame in frames:
                results.add(frame)
        return json.loads((tmp_path / "frames.json").read_text()), VideoFile(tmp_path / "annotated.mp4")

    return call


def test_video_results_write_the_instances_of_each_frame(write):
    frames = [found(0, [7]), found(1, []), found(2, [9, 7])]
    content, video = write(*frames)
    assert (content["video"], content["classes"]) == ("street.mp4", ["red", "blue"])
    assert [(frame["frame"], frame["seconds"]) for frame in content["frames"]] == [
        (0, 0.0),
        (1, 0.1),
        (2, 0.2),
    ]
    assert [len(frame["instances"]) for frame in content["frames"]] == [1, 0, 2]
    second = content["frames"][2]["instances"][1]
    assert {key: second[key] for key in ("id", "class", "score")} == {"id": 7, "class": "blue", "score": 0.5}
    assert second["bbox"] == [18, 10, 10, 10]
    assert np.array_equal(coco_mask.decode(second["segmentation"]), frames[2].masks[1])
    assert [seconds for seconds, _ in video] == pytest.approx([0.0, 0.1, 0.2])


def test_video_results_keep_the_colour_of_an_object(write):
    _, video = write(found(0, [7, 1, 2]), found(1, [2, 7, 1]))
    (_, before), (_, after) = video
    middles = [
        (slice(140, 160), slice(70 + 140 * k, 110 + 140 * k)) for k in range(3)
    ]  # enlarged by a factor of 10
    colours = [[picture[at].mean(axis=(0, 1)) for at in middles] for picture in (before, after)]
    for k, moved_to in enumerate((1, 2, 0)):
        assert np.abs(colours[0][k] - colours[1][moved_to]).max() < 8
    assert min(np.abs(colours[0][k] - colours[0][k - 1]).max() for k in range(3)) > 15


def test_video_results_leave_no_file_after_an_error(write, tmp_path):
    with pytest.raises(AttributeError, match="NoneType"):
        write(found(0, [1]), None)
    assert not list(tmp_path.iterdir())
