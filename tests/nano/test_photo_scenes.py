import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from nano import photo_scenes
from nano.cutouts import CutOut
from nano.photo_scenes import PhotoScenes, coarse_mask
from ntt.segmenters.base import MASK_LOGIT

SIZE = 256


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """Scenes of a red disc and a green square before grey."""
    folder = tmp_path_factory.mktemp("backgrounds")
    for grey in (90, 170):
        Image.fromarray(np.full((200, 300, 3), grey, np.uint8)).save(folder / f"{grey}.png")

    def sprite(colour, square):
        pixels = np.zeros((128, 128, 4), np.uint8)
        pixels[..., :3] = colour
        if square:
            pixels[4:-4, 4:-4, 3] = 255
        else:
            cv2.circle(pixels, (64, 64), 60, (*colour, 255), -1)
        return pixels

    cut_outs = [
        CutOut("disc", 128, sprite((230, 20, 20), False)),
        CutOut("square", 128, sprite((20, 200, 20), True)),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photo_scenes, "load_cut_outs", lambda folder: cut_outs)
        patch.setattr(photo_scenes, "training_cut_outs", lambda found: found)
        patch.setattr(photo_scenes, "background_folders", lambda cache: [folder])
        return PhotoScenes(
            str(folder), clicks=3, points=2, boxes=2, coarse=2, background_clicks=1.0, textures=0.3
        )


@pytest.fixture(scope="module")
def batches(material):
    rng = np.random.default_rng(5)
    return [material.draw(rng, 2, SIZE) for _ in range(12)]


def at(mask, point):
    """Share of the mask's cell in which a point of the image lies."""
    x, y = (point / 4).long().tolist()
    return float(mask[y, x])


def test_scenes_have_the_asked_number_of_prompts_of_each_kind(batches):
    for batch in batches:
        assert batch.images.shape == (2, 3, SIZE, SIZE)
        assert [len(group.masks) for group in batch.groups] == [6, 4, 4, 4]
        assert all(group.masks.shape[1:] == (SIZE // 4, SIZE // 4) for group in batch.groups)
        assert all(float(group.masks.min()) >= 0 and float(group.masks.max()) <= 1 for group in batch.groups)


def test_clicks_lie_on_their_object_or_ask_for_nothing(batches):
    on_object, empty = 0, 0
    for batch in batches:
        clicks = batch.groups[0]
        for mask, point, asked in zip(
            clicks.masks, clicks.prompts.points[:, 0], clicks.on_object, strict=True
        ):
            if asked:
                assert at(mask, point) > 0
                on_object += 1
            else:
                assert not mask.any()
                empty += 1
    assert on_object > 20
    assert empty > 5


def test_points_are_on_the_object_where_their_label_is_one(batches):
    labels_seen = set()
    for batch in batches:
        group = batch.groups[1]
        assert group.prompts.points.shape[1] in (2, 3, 4)
        for mask, points, labels in zip(group.masks, group.prompts.points, group.prompts.labels, strict=True):
            assert labels[0] == 1
            for point, label in zip(points, labels.tolist(), strict=True):
                labels_seen.add(label)
                assert at(mask, point) > 0 if label else at(mask, point) < 1
    assert labels_seen == {0, 1}


def test_boxes_are_off_by_a_tenth_at_most(batches):
    for batch in batches:
        group = batch.groups[2]
        assert group.prompts.labels.tolist() == [[2, 3]] * len(group.masks)
        for mask, corners in zip(group.masks, group.prompts.points, strict=True):
            rows, columns = (torch.nonzero(mask.any(axis)).flatten() for axis in (1, 0))
            least = torch.stack([columns[0], rows[0]]) * 4.0
            most = torch.stack([columns[-1], rows[-1]]) * 4.0 + 4
            allowed = 0.1 * (most - least) + 4  # and a cell of the mask's grid
            assert ((corners[0] - least).abs() <= allowed).all()
            assert ((corners[1] - most).abs() <= allowed).all()


def test_coarse_masks_come_as_logits_with_their_box_and_a_point(batches):
    for batch in batches:
        group = batch.groups[3]
        logits = group.prompts.masks
        assert logits.shape == (len(group.masks), 1, SIZE // 4, SIZE // 4)
        assert float(logits.abs().max()) <= MASK_LOGIT
        assert group.prompts.labels.tolist() == [[1, 2, 3]] * len(group.masks)
        overlaps = [
            float(((rough[0] > 0) & (mask > 0.5)).sum() / ((rough[0] > 0) | (mask > 0.5)).sum())
            for rough, mask in zip(logits, group.masks, strict=True)
        ]
        assert all(0 < overlap <= 1 for overlap in overlaps)


def test_a_coarse_mask_is_rough_but_of_its_object():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[60:200, 80:180] = True
    rng = np.random.default_rng(0)
    overlaps = [
        (rough & mask).sum() / (rough | mask).sum() for rough in (coarse_mask(rng, mask) for _ in range(30))
    ]
    assert 0.6 < np.mean(overlaps) < 0.97
    assert min(overlaps) > 0.3


def test_a_mask_between_the_cells_of_the_grid_keeps_its_own_pixels():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[3, 3] = True
    assert coarse_mask(np.random.default_rng(0), mask).any()


def test_the_same_seed_draws_the_same_scene(material):
    one, other = (material.draw(np.random.default_rng(9), 1, SIZE) for _ in range(2))
    assert torch.equal(one.images, other.images)
    assert all(torch.equal(a.masks, b.masks) for a, b in zip(one.groups, other.groups, strict=True))
    assert not torch.equal(one.images, material.draw(np.random.default_rng(10), 1, SIZE).images)
