"""Test tracking with SAM 2 and random weights: masks are arbitrary, but the bookkeeping can be checked."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from colour_world import BLUE, RED, model, references
from ntt.data.images import read_image
from ntt.errors import InputError
from ntt.segmenters import Sam2Segmenter
from ntt.segmenters.sam2_package import build_sam2
from ntt.structures import Instances
from ntt.video import OverlapTracker, Sam2Tracker, suited_tracker
from ntt.video.sam2 import ObjectMemory, see

NANO = OmegaConf.load(Path(__file__).parents[2] / "conf" / "segmenter" / "sam2_nano.yaml")
SIDE = 128
SETTINGS = {"every": 4, "min_iou": 0.3, "patience": 3, "share_of_best": 0.6, "max_objects": 3}


def always_in_sight(sam):
    """Make SAM 2 predict all objects as visible; random weights may hide them."""
    torch.nn.init.constant_(sam.sam_mask_decoder.pred_obj_score_head.layers[-1].bias, 100.0)
    return sam


@pytest.fixture(scope="module")
def segmenter():
    made = Sam2Segmenter("random", NANO.config, SIDE, "random", overrides=NANO.overrides)
    always_in_sight(made.model)
    return made


@pytest.fixture
def tracker(segmenter):
    """Create a tracker with detections by colour and tracking by SAM 2."""
    fitted = model().fit(references(), ["red", "blue"])

    def make(**settings):
        made = Sam2Tracker(_with_segmenter(fitted, segmenter), **{**SETTINGS, **settings})
        made.model = fitted
        return made

    return make


def _with_segmenter(fitted, segmenter):
    other = model()
    other.segmenter = segmenter
    return other


@torch.no_grad()
def test_object_memory_matches_the_packages_video_predictor(segmenter, tmp_path):
    """Compare masks at network resolution, over more frames than the memory holds."""
    plain = OmegaConf.to_container(NANO.overrides)
    predictor = build_sam2(
        NANO.config, SIDE, {**plain, "_target_": "sam2.sam2_video_predictor.SAM2VideoPredictor"}
    )
    predictor = always_in_sight(predictor).eval()
    generator = np.random.default_rng(0)
    for number in range(24):
        pixels = generator.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number:02d}.jpg")
    state = predictor.init_state(str(tmp_path))
    mask = torch.ones(SIDE, SIDE, dtype=torch.bool)
    predictor.add_new_mask(state, 2, 1, mask)
    theirs = {number: logits for number, _, logits in predictor.propagate_in_video(state)}

    frames = [see(segmenter, number, read_image(tmp_path / f"{number:02d}.jpg")) for number in range(24)]
    memory = ObjectMemory(segmenter, frames[2], mask)
    for frame in frames[3:]:
        logits = memory.follow(frame)
        wide = torch.nn.functional.interpolate(logits[None, None], (SIDE, SIDE), mode="bilinear")
        torch.testing.assert_close(wide, theirs[frame.number], atol=1e-3, rtol=1e-3)
    assert len(memory) == 1 + segmenter.model.max_obj_ptrs_in_encoder


def test_sam2_tracker_adds_objects_and_keeps_identities(tracker, frame):
    following = tracker(every=8)
    classes = {1: 0, 2: 1}  # blue replaces red in frame 6
    for number in range(16):
        found, ids = following.step(frame((RED, 8, 8) if number < 6 else (BLUE, 40, 40)))
        assert isinstance(found, Instances)
        assert found.masks.shape == (len(ids), 64, 64)
        assert found.masks.flatten(1).any(dim=1).all()
        assert [classes[k] for k in ids.tolist()] == found.labels.tolist()
        assert set(ids.tolist()) <= ({1} if number < 8 else {1, 2}), "blue is detected in frame 8"
        assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
        if number in (0, 8):
            (mask,) = found.masks[ids == ids.max()]
            assert 240 < mask.sum() <= 256, "the first mask is that of the detection"
    assert [len(each.memory) for each in following._objects][-1] == 8


def test_sam2_tracker_drops_objects_that_are_hidden_for_too_long(tracker, segmenter, frame):
    following = tracker(every=5)
    head = segmenter.model.sam_mask_decoder.pred_obj_score_head.layers[-1]
    try:
        torch.nn.init.constant_(head.bias, -100.0)
        seen = [following.step(frame((RED, 8, 8)))[1].tolist() for _ in range(11)]
    finally:
        torch.nn.init.constant_(head.bias, 100.0)
    assert seen == [[1], [], [], [], [], [2], [], [], [], [], [3]]
    assert [each.id for each in following._objects] == [3], "only objects within patience are kept"


def test_sam2_tracker_limits_the_number_of_objects(tracker, frame):
    following = tracker(max_objects=1)
    for _ in range(5):
        _, ids = following.step(frame((RED, 8, 8), (BLUE, 40, 40)))
        assert ids.tolist() in ([1], [])
    assert len(following._objects) == 1


def test_sam2_tracker_rejects_an_untrained_memory():
    nano = _with_segmenter(
        model(), Sam2Segmenter("sam2_nano", NANO.config, SIDE, "random", NANO.overrides, video_memory=False)
    )
    for each in (nano, model()):
        with pytest.raises(
            InputError, match=r"memory of segmenter .* was not trained on videos; use tracking=overlap"
        ):
            Sam2Tracker(each, **SETTINGS)


def test_suited_tracker_depends_on_the_segmenter(segmenter):
    def make(kind):
        return lambda model: kind(model, **SETTINGS)

    for each, kind in ((_with_segmenter(model(), segmenter), Sam2Tracker), (model(), OverlapTracker)):
        assert type(suited_tracker(each, make(Sam2Tracker), make(OverlapTracker))) is kind
