import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nano.scenes import VISIBLE, Placed, paint, scatter

RED = np.zeros((20, 20, 4), dtype=np.uint8)
RED[..., 0] = RED[..., 3] = 255
GREEN = np.zeros((20, 20, 4), dtype=np.uint8)
GREEN[..., 1] = GREEN[..., 3] = 255
BLACK = np.zeros((60, 80, 3), dtype=np.uint8)


def test_paint_places_a_square_at_its_position():
    scene = paint(BLACK, [Placed(RED, 3, side=20, centre=(30, 20))])
    ys, xs = np.nonzero(scene.masks[0])
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (20, 39, 10, 29)
    assert scene.labels.tolist() == [3]
    assert (scene.image[scene.masks[0]] == (255, 0, 0)).all()
    assert not scene.image[~scene.masks[0]].any()


def test_paint_covers_earlier_objects_with_later_ones():
    scene = paint(BLACK, [Placed(RED, 0, 20, (30, 20)), Placed(GREEN, 1, 20, (40, 20))])
    assert not (scene.masks[0] & scene.masks[1]).any()
    assert scene.masks[1].sum() == 400
    assert scene.masks[0].sum() == pytest.approx(200, abs=20)


def test_paint_returns_an_empty_mask_for_an_object_outside():
    scene = paint(BLACK, [Placed(RED, 0, 20, (500, 20))])
    assert not scene.masks.any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_scatter_keeps_objects_visible(seed, count):
    scene = scatter(
        np.random.default_rng(seed), BLACK, [(RED, i) for i in range(count)], (10, 24), max_angle=30
    )
    assert 1 <= len(scene.labels) <= count
    smallest = 10**2
    assert (scene.masks.sum((1, 2)) >= VISIBLE * 0.8 * smallest * 0.9).all()
    assert (scene.masks.sum(0) <= 1).all()


def test_scatter_with_the_same_seed_draws_the_same_scene():
    first, second, other = (
        scatter(np.random.default_rng(seed), BLACK, [(RED, 0), (GREEN, 1)], (10, 24), max_angle=30)
        for seed in (5, 5, 6)
    )
    assert (first.image == second.image).all()
    assert (first.masks == second.masks).all()
    assert (first.image != other.image).any()
