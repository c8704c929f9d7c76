"""Splitting of regions into connected parts and at narrow necks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.matching import split_region


def disc(shape, centre, radius):
    rows, columns = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def bridged(width=1):
    """Create two discs of radius 5 connected by a bridge."""
    region = disc((24, 32), (11, 7), 5) | disc((24, 32), (11, 23), 5)
    top = 11 - (width - 1) // 2
    region[top : top + width, 7:24] = True
    return region


def even(region):
    return torch.full(region.shape, 0.8)


def blobs(seed, height, width, cells):
    """Create a random region from resized coarse noise."""
    noise = torch.rand(1, 1, cells, cells, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, (height, width), mode="bilinear")[0, 0] > 0.5


def flooded(region):
    """Compute connected parts by flood fill over eight neighbours, as a set of frozen sets of positions."""
    left = {tuple(place) for place in torch.nonzero(region).tolist()}
    parts = set()
    while left:
        part, waiting = set(), [left.pop()]
        while waiting:
            row, column = waiting.pop()
            part.add((row, column))
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            waiting += near
        parts.add(frozenset(part))
    return parts


def places(part):
    return frozenset(tuple(place) for place in torch.nonzero(part).tolist())


sides = st.integers(1, 24)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), sides, sides, st.integers(1, 8), st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_split_region_gives_disjoint_parts_whose_union_is_the_region(seed, height, width, cells, neck):
    region = blobs(seed, height, width, cells)
    similarity = torch.rand(height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    parts = split_region(region, similarity, neck)
    assert parts.dtype == torch.bool
    assert parts.shape[1:] == region.shape
    assert torch.equal(parts.sum(dim=0), region.long())
    sizes = parts.flatten(1).sum(dim=1)
    assert bool((sizes > 0).all())
    assert bool((sizes.diff() <= 0).all()), "the largest first"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), sides, sides, st.integers(1, 10))
def test_split_region_without_neck_gives_the_connected_parts(seed, height, width, cells):
    region = blobs(seed, height, width, cells)
    assert {places(part) for part in split_region(region, even(region), 0)} == flooded(region)


@pytest.mark.parametrize("width", [1, 2])
def test_split_region_cuts_a_narrow_bridge_only_with_neck(width):
    region = bridged(width)
    assert len(split_region(region, even(region), 0)) == 1
    parts = split_region(region, even(region), 0.7)
    assert len(parts) == 2
    left = disc(region.shape, (11, 7), 5)
    right = disc(region.shape, (11, 23), 5)
    owners = {(bool(part[11, 7]), bool(part[11, 23])) for part in parts}
    assert owners == {(True, False), (False, True)}
    for part in parts:
        whole, other = (left, right) if part[11, 7] else (right, left)
        assert (part & whole).sum() >= 0.95 * whole.sum()
        assert (part & other).sum() <= 0.05 * other.sum()


def test_split_region_keeps_a_bridge_wider_than_the_neck():
    region = bridged(7)  # its depth on the fine grid is 14, that of the discs 18: 0.77
    assert len(split_region(region, even(region), 0.7)) == 1
    assert len(split_region(region, even(region), 0.85)) == 2


@pytest.mark.parametrize(
    "region",
    [
        torch.ones(3, 22).bool(),
        torch.nn.functional.pad(torch.ones(5, 24).bool(), (3, 3, 9, 9)),
        torch.nn.functional.pad(torch.ones(24, 2).bool(), (9, 9, 3, 3)),
        disc((20, 20), (10, 10), 8),
        torch.nn.functional.pad(torch.eye(20).bool() | torch.eye(20).bool().roll(1, 1).triu(), (2, 2, 2, 2)),
    ],
    ids=["strip", "bar", "pole", "disc", "diagonal"],
)
def test_split_region_keeps_a_body_of_even_width_whole(region):
    assert len(split_region(region, even(region), 0.7)) == 1


def test_split_region_of_an_ellipse_keeps_it_whole():
    rows, columns = torch.meshgrid(torch.arange(30), torch.arange(40), indexing="ij")
    region = ((rows - 15) / 6) ** 2 + ((columns - 20) / 17) ** 2 <= 1
    assert len(split_region(region, even(region), 0.7)) == 1


def test_split_region_cuts_where_similarity_is_low():
    region = torch.zeros(14, 26, dtype=torch.bool)
    region[4:10, 3:23] = True
    similarity = even(region)
    similarity[:, 12:14] = 0.1
    assert len(split_region(region, even(region), 0.7)) == 1
    parts = split_region(region, similarity, 0.7)
    assert len(parts) == 2
    left, right = sorted((part.any(dim=0).nonzero()[:, 0].tolist() for part in parts), key=min)
    assert left[0] == 3
    assert right[-1] == 22
    assert left[-1] in (11, 12, 13), "cut between the low columns"


def test_split_region_does_not_depend_on_the_scale_of_similarity():
    region = bridged()
    similarity = torch.rand(region.shape, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.5
    parts = split_region(region, similarity, 0.7)
    assert torch.equal(parts, split_region(region, similarity * 0.25, 0.7))
    assert len(split_region(region, -similarity, 0.7)) == 2, (
        "only depth counts if no patch is similar to the class"
    )


@pytest.mark.parametrize("dims", [(0,), (1,), (0, 1)])
def test_split_region_of_a_mirrored_full_image_is_mirrored(dims):
    """The image border does not count as outside, so this region has no outside."""
    region = torch.ones(8, 12, dtype=torch.bool)
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(12), indexing="ij")
    peaks = [((rows - row) ** 2 + (columns - column) ** 2) / 8 for row, column in ((3, 2), (5, 9))]
    similarity = 0.9 * torch.exp(-peaks[0]) + 0.5 * torch.exp(-peaks[1])
    parts = split_region(region, similarity, 0.7)
    assert [bool(part[3, 2]) for part in parts] != [bool(part[5, 9]) for part in parts]
    mirrored = split_region(region, similarity.flip(dims), 0.7)
    assert len(parts) == len(mirrored) == 2
    for part in parts:
        agreement = max(float((part == other.flip(dims)).float().mean()) for other in mirrored)
        assert agreement > 0.95


def test_split_region_assigns_dissimilar_patches_to_the_nearest_part():
    """Patches of negative similarity belong to the nearest disc."""
    region = bridged()
    similarity = even(region)
    for rows, columns in ((slice(6, 9), slice(24, 29)), (slice(14, 17), slice(2, 7))):
        similarity[rows, columns] = -0.9
    parts = split_region(region, similarity, 0.7)
    assert len(parts) == 2
    for row, column in ((7, 26), (15, 4)):
        place, centre = (row, column), (11, 23 if column > 16 else 7)
        assert region[place]
        assert [bool(part[place]) for part in parts] == [bool(part[centre]) for part in parts]


def test_split_region_at_the_border_measures_depth_across_it():
    """Half discs at the border are as deep as whole ones, so a neck of half their width is cut."""
    region = bridged()[11:]
    parts = split_region(region, even(region), 0.7)
    assert len(parts) == 2


def test_split_region_of_an_empty_region_returns_no_parts():
    assert split_region(torch.zeros(4, 5).bool(), torch.rand(4, 5), 0.7).shape == (0, 4, 5)


def test_split_region_is_deterministic():
    region, similarity = blobs(5, 24, 24, 6), torch.rand(24, 24, generator=torch.Generator().manual_seed(1))
    first = split_region(region, similarity, 0.8)
    assert len(first) > len(split_region(region, similarity, 0)), "necks are cut"
    assert np.array_equal(first, split_region(region.clone(), similarity.clone(), 0.8))
