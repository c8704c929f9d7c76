"""Properties of points sampled by weight."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.proposals import grid_points
from ntt.proposals.guided import spread_points

GRID = grid_points(16, 160)


def plain(points, weights, spacing):
    """Naive version: by decreasing weight, choose points far enough from all chosen ones."""
    taken = []
    for index in weights.argsort(descending=True, stable=True).tolist():
        distances = [float((points[index] - points[other]).norm() * weights[index]) for other in taken]
        if all(distance >= spacing for distance in distances):
            taken.append(index)
    return taken


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 300), st.floats(1, 20))
def test_spread_points_are_distinct_and_close_to_the_maximum_number(seed, number, contrast):
    random = torch.Generator().manual_seed(seed)
    weights = 1 + (contrast - 1) * torch.rand(256, generator=random)
    chosen = spread_points(GRID, weights, number)
    assert len(set(chosen.tolist())) == len(chosen) <= number
    # With equal weights, a grid can only be thinned in steps: all points, or no two adjacent ones. Random
    # choice of non-adjacent points covers 0.364 of a square lattice (random sequential adsorption).
    assert len(chosen) >= min(number, 256) * (0.8 if contrast > 3 else 0.35)
    assert bool((weights[chosen].diff() <= 0).all())
    assert int(chosen[0]) == int(weights.argmax())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 100))
def test_spread_points_agree_with_the_naive_version_at_the_same_spacing(seed, number):
    random = torch.Generator().manual_seed(seed)
    points = torch.rand(120, 2, generator=random, dtype=torch.float64) * 100
    weights = 1 + 4 * torch.rand(120, generator=random, dtype=torch.float64)
    chosen = spread_points(points, weights, number).tolist()
    # The final spacing is the smallest weighted distance between chosen points; use it in the naive version.
    kept = [
        float((points[b] - points[a]).norm() * weights[b])
        for place, b in enumerate(chosen)
        for a in chosen[:place]
    ]
    assert plain(points, weights, min(kept, default=1e9))[: len(chosen)] == chosen


def test_spread_points_are_closer_where_the_weight_is_larger():
    weights = torch.where(GRID[:, 0] < 80, 4.0, 1.0)
    chosen = GRID[spread_points(GRID, weights, 60)]
    left = int((chosen[:, 0] < 80).sum())
    assert left > 3 * (len(chosen) - left) > 0


def test_spread_points_with_equal_weights_cover_the_square():
    chosen = GRID[spread_points(GRID, torch.ones(256), 40)]
    assert torch.cdist(GRID, chosen).amin(dim=1).max() < 40


def test_spread_points_with_a_large_maximum_chooses_all_points():
    assert sorted(spread_points(GRID, torch.rand(256) + 1, 256).tolist()) == list(range(256))
    assert len(spread_points(GRID[:1], torch.ones(1), 9)) == 1
