import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntt.matching import boxes_from_masks
from ntt.structures import Instances
from ntt.video.tracks import Tracks, shifted

HEIGHT, WIDTH, SIDE = 20, 60, 8


def found(*corners, labels=None):
    """Create squares with upper left corners at the given rows and columns."""
    masks = torch.zeros(len(corners), HEIGHT, WIDTH, dtype=torch.bool)
    for mask, (row, column) in zip(masks, corners, strict=True):
        mask[max(0, row) : max(0, row + SIDE), max(0, column) : max(0, column + SIDE)] = True
    labels = torch.tensor(labels or [0] * len(corners), dtype=torch.int64)
    return Instances(masks, boxes_from_masks(masks), torch.ones(len(corners)), labels)


def test_update_keeps_identities_through_an_occlusion():
    tracks = Tracks(min_iou=0.3, patience=10)
    for number in range(12):
        left, right = (4, 2 + 4 * number), (4, 46 - 4 * number)
        hidden = abs(left[1] - right[1]) < SIDE
        ids = tracks.update(number, found(right) if hidden else found(right, left))
        assert ids.tolist() == ([1] if hidden else [1, 2]), number


def test_update_gives_new_objects_new_identities():
    tracks = Tracks(min_iou=0.3, patience=1)
    assert tracks.update(0, found((0, 0), (0, 20))).tolist() == [1, 2]
    assert tracks.update(1, found((0, 20))).tolist() == [2]
    assert tracks.update(2, found((0, 40), (0, 20))).tolist() == [3, 2]
    assert tracks.update(3, found((0, 0))).tolist() == [4], "the first was invisible for too long"
    assert len(tracks) == 3


@pytest.mark.parametrize(("patience", "ids"), [(2, [1]), (1, [2])])
def test_patience_is_the_number_of_frames_an_object_may_be_hidden(patience, ids):
    tracks = Tracks(min_iou=0.3, patience=patience)
    tracks.update(0, found((0, 0)))
    for hidden in (1, 2):
        tracks.update(hidden, found())
    assert tracks.update(3, found((0, 0))).tolist() == ids


@pytest.mark.parametrize("every", [1, 40])
def test_update_without_patience_keeps_visible_objects(every):
    tracks = Tracks(min_iou=0.3, patience=0, every=every)
    assert [tracks.update(every * k, found((0, 0))).tolist() for k in range(3)] == [[1]] * 3


def test_moved_on_extrapolates_objects_until_they_leave_the_image():
    tracks = Tracks(min_iou=0.3, patience=30)
    for number in (0, 2):
        ids = tracks.update(number, found((4, 40 + number), (0, 0), labels=[0, 1]))
    for number, column in ((3, 43), (10, 50), (19, 59)):
        moved, still = tracks.moved_on(number, ids, HEIGHT, WIDTH)
        assert still.tolist() == [1, 2]
        assert moved.labels.tolist() == [0, 1]
        assert moved.boxes[0].tolist() == [column, 4, min(WIDTH, column + SIDE), 12]
        assert torch.equal(moved.masks, found((4, column), (0, 0)).masks)
    moved, still = tracks.moved_on(20, ids, HEIGHT, WIDTH)
    assert (len(moved), still.tolist()) == (1, [2])


def test_moved_on_without_objects_is_empty():
    tracks = Tracks(min_iou=0.3, patience=30)
    ids = tracks.update(0, found())
    moved, ids = tracks.moved_on(1, ids, HEIGHT, WIDTH)
    assert (len(moved), len(ids), moved.masks.shape[1:]) == (0, 0, (HEIGHT, WIDTH))


@given(down=st.integers(-9, 9), right=st.integers(-9, 9), seed=st.integers(0, 9))
def test_shifted_moves_every_pixel(down, right, seed):
    mask = torch.rand(5, 7, generator=torch.Generator().manual_seed(seed)) > 0.5
    expected = {
        (row + down, column + right)
        for row, column in torch.nonzero(mask).tolist()
        if 0 <= row + down < 5 and 0 <= column + right < 7
    }
    assert {tuple(at) for at in torch.nonzero(shifted(mask, down, right)).tolist()} == expected


corners = st.lists(st.tuples(st.integers(-4, 18), st.integers(-4, 50)), max_size=5)


@given(frames=st.lists(corners, max_size=6), patience=st.integers(0, 3))
def test_identities_are_unique_per_frame_and_new_ones_are_consecutive(frames, patience):
    tracks, newest = Tracks(min_iou=0.3, patience=patience), 0
    for number, things in enumerate(frames):
        ids = tracks.update(number, found(*things)).tolist()
        assert len(set(ids)) == len(ids) == len(things)
        new = sorted(each for each in ids if each > newest)
        assert new == list(range(newest + 1, newest + 1 + len(new)))
        newest += len(new)
        assert len(tracks) <= 5 * (patience + 2), "dropped tracks use no memory"
