import numpy as np
import pytest

from nano.augment import recolour
from nano.backgrounds import texture
from nano.clicks import ClickScenes
from nano.mosaics import Mosaics


def test_a_mosaic_batch_shows_each_class_in_drawings_of_two_vendors(sheet):
    batch = Mosaics(sheet, size=64).draw(np.random.default_rng(0), classes=8, per_side=2)
    assert batch.images.shape == (4, 3, 64, 64)
    assert batch.masks.shape == (16, 64, 64)
    assert 0 <= batch.images.min() <= batch.images.max() <= 1
    assert sorted(batch.classes[:8].tolist()) == sorted(batch.classes[8:].tolist())
    assert (batch.classes >= 40).all(), "a held-out class was drawn for training"
    assert batch.image_of.tolist() == [i // 4 for i in range(16)]
    assert (batch.masks.sum((1, 2)) > 50).all()


def test_clicks_match_their_target_masks(sheet):
    material = ClickScenes(sheet, photographs=None, sides=(0.2, 0.4), background_clicks=0.3, clicks=10)
    batch = material.draw(np.random.default_rng(1), scenes=3, size=64)
    (group,) = batch.groups
    assert batch.images.shape == (3, 3, 64, 64)
    assert group.prompts.points.shape == (30, 1, 2)
    for point, mask, on_object in zip(group.prompts.points[:, 0], group.masks, group.on_object, strict=True):
        x, y = (int(v) for v in point)
        assert mask[y, x] == float(on_object)
        assert mask.any() == on_object
    assert 0 < (~group.on_object).sum() < 30


def test_photographs_receive_no_background_clicks(sheet):
    def photograph(rng, size):
        return texture(rng, size)

    material = ClickScenes(sheet, photograph, (0.2, 0.4), background_clicks=1.0, clicks=4)
    seen = [material.draw(np.random.default_rng(seed), 1, 64).groups[0].on_object for seed in range(12)]
    assert {bool(s.all()) for s in seen} == {True, False}
    assert all(s.all() or not s.any() for s in seen)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_photograph_share_sets_the_share_of_photographs(sheet, share):
    def photograph(rng, size):
        return np.zeros((size, size, 3), np.uint8)

    material = ClickScenes(sheet, photograph, (0.1, 0.2), 0.3, clicks=2, photograph_share=share)
    batch = material.draw(np.random.default_rng(0), scenes=6, size=64)
    dark = (batch.images < 0.25).float().mean(dim=(1, 2, 3)) > 0.5
    assert dark.tolist() == [bool(share)] * 6


def test_recolour_changes_only_colours():
    sprite = np.zeros((8, 8, 4), np.uint8)
    sprite[2:6, 2:6] = (200, 60, 30, 255)
    sprite[3, 3, 3] = 130
    before = sprite.copy()
    rng = np.random.default_rng(0)
    drawn = [recolour(rng, sprite) for _ in range(200)]
    assert np.array_equal(sprite, before)
    assert all(np.array_equal(one[..., 3], sprite[..., 3]) for one in drawn)
    colours = np.stack([one[4, 4, :3] for one in drawn]).astype(int)
    assert len(np.unique(colours, axis=0)) > 150
    grey = (np.ptp(colours, axis=1) == 0).mean()
    assert 0.02 < grey < 0.2


@pytest.mark.parametrize("seed", range(12))
def test_a_texture_is_not_uniform_and_has_the_given_size(seed):
    picture = texture(np.random.default_rng(seed), 48)
    assert picture.shape == (48, 48, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 0
