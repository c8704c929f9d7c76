import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from ntt.data.masks import decode_mask, decompress, encode_mask, encode_segmentation, mask_area, mask_box

masks = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def runs_of(mask):
    """Compute the run lengths of a mask in column-major order, zeros first."""
    column = mask.flatten(order="F")
    changes = np.flatnonzero(np.diff(column)) + 1
    runs = np.diff([0, *changes, column.size]).tolist()
    return [0, *runs] if column[0] else runs


@given(mask=masks)
def test_all_forms_of_run_lengths_decode_to_the_same_mask(mask):
    height, width = mask.shape
    compressed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert decompress(compressed) == runs_of(mask)
    for counts in (compressed, runs_of(mask)):
        rle = encode_segmentation({"size": [height, width], "counts": counts}, height, width)
        assert torch.equal(decode_mask(rle), torch.from_numpy(mask))
        assert mask_area(rle) == mask.sum()


def test_encode_segmentation_decompresses_long_runs():
    mask = torch.zeros(3000, 3000, dtype=torch.bool)
    mask[1234:, 777:2000] = True
    rle = encode_mask(mask)
    text = {"size": [3000, 3000], "counts": rle["counts"].decode()}
    assert encode_segmentation(text, 3000, 3000) == rle


@settings(max_examples=300)
@given(text=st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=12))
def test_malformed_strings_are_rejected_before_pycocotools_reads_them(text):
    segmentation = {"size": [5, 7], "counts": text}
    try:
        sound = sum(decompress(text)) == 35 and min(decompress(text)) >= 0
    except ValueError:
        sound = False
    if sound:
        assert decode_mask(encode_segmentation(segmentation, 5, 7)).shape == (5, 7)
    else:
        with pytest.raises(ValueError, match=r"^has "):
            encode_segmentation(segmentation, 5, 7)


def test_encode_segmentation_merges_polygons():
    squares = [[1, 1, 4, 1, 4, 4, 1, 4], [3, 3, 8, 3, 8, 8, 3, 8]]
    mask = decode_mask(encode_segmentation(squares, 10, 12))
    expected = torch.zeros(10, 12, dtype=torch.bool)
    expected[1:4, 1:4] = True
    expected[3:8, 3:8] = True
    assert torch.equal(mask, expected)


def test_a_polygon_may_extend_beyond_the_image():
    mask = decode_mask(encode_segmentation([[-3, -3, 5, -3, 5, 14, -3, 14]], 10, 12))
    assert mask[:, :5].all()
    assert not mask[:, 6:].any()


@pytest.mark.parametrize("rest", [[], [3, 3], [1, 1, 8, 8]])
def test_points_and_lines_among_polygons_are_ignored(rest):
    square = [1, 1, 4, 1, 4, 4, 1, 4]
    assert encode_segmentation([square, rest], 10, 12) == encode_segmentation([square], 10, 12)
    with pytest.raises(ValueError, match="at least three x, y pairs"):
        encode_segmentation([rest], 10, 12)


def test_an_empty_list_of_polygons_is_an_empty_mask():
    mask = decode_mask(encode_segmentation([], 10, 12))
    assert mask.shape == (10, 12)
    assert not mask.any()


def test_mask_box_returns_x_y_width_and_height():
    mask = torch.zeros(10, 12, dtype=torch.bool)
    mask[2:5, 3:11] = True
    assert mask_box(encode_mask(mask)) == [3, 2, 8, 3]


@pytest.mark.parametrize("broken", [None, 5, "text", [[]], {"size": [10, 12], "counts": None}])
def test_encode_segmentation_rejects_other_types(broken):
    with pytest.raises(ValueError, match=r"^(is|has) "):
        encode_segmentation(broken, 10, 12)


def zigzag(points, side=20_000):
    return [value for k in range(points) for value in (2 * side if k % 2 else -side, k % side)]


def test_outlines_that_would_crash_pycocotools_are_rejected():
    assert encode_segmentation([zigzag(10)], 20_000, 20_000)["size"] == [20_000, 20_000]
    for polygons in ([zigzag(10_000)], [zigzag(10), zigzag(1000)]):
        with pytest.raises(ValueError, match="an outline longer than 1048576 pixels"):
            encode_segmentation(polygons, 20_000, 20_000)
    angles = np.linspace(0, 6, 50_000)
    fine = (50 + 40 * np.stack([np.cos(angles), np.sin(angles)], 1)).ravel().tolist()
    assert mask_area(encode_segmentation([fine], 100, 100)) > 3000, (
        "many points with a short outline are accepted"
    )


numbers = st.integers() | st.floats() | st.sampled_from([0, 1, 5, 7, 35, 2**31, 2**32, 2**64, True, None])
counts = st.lists(numbers, max_size=8) | st.text(max_size=8) | st.binary(max_size=4) | numbers
run_lengths = st.fixed_dictionaries(
    {}, optional={"size": st.just([5, 7]) | st.lists(numbers, max_size=3) | numbers, "counts": counts}
)
polygons = st.lists(st.lists(numbers | st.floats(-10, 15), max_size=10) | numbers, max_size=4)


@settings(max_examples=400, deadline=None)
@given(segmentation=run_lengths | polygons)
def test_arbitrary_segmentations_are_encoded_or_rejected(segmentation):
    try:
        rle = encode_segmentation(segmentation, 5, 7)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert len(str(error)) < 200  # noqa: PT017
    else:
        mask = decode_mask(rle)
        assert mask.shape == (5, 7)
        assert mask_area(rle) == mask.sum()
