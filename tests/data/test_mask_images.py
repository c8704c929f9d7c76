"""Mask images: one object in white, one number or colour per object, and images that are no masks."""

import cv2
import numpy as np
import pytest
from PIL import Image

from ntt.data.mask_images import read_masks
from ntt.errors import InputError

BLACK, GREY, RED, GREEN = (0, 0, 0), (128, 128, 128), (128, 0, 0), (0, 128, 0)


def masks_of(tmp_path, pixels, palette=None, kind="png"):
    """Read the masks in an image with these pixels, as lists of 0 and 1."""
    if palette is None:
        picture = Image.fromarray(np.array(pixels))
    else:
        picture = Image.fromarray(np.array(pixels, dtype=np.uint8), mode="P")
        picture.putpalette([level for colour in palette for level in colour])
    picture.save(tmp_path / f"a.{kind}")
    return [mask.int().tolist() for mask in read_masks(tmp_path / f"a.{kind}")]


def ellipse(colour=255, size=(128, 160), channels=1):
    shape = size if channels == 1 else (*size, channels)
    return cv2.ellipse(np.zeros(shape, np.uint8), (80, 64), (50, 30), 20, 0, 360, colour, -1)


def test_read_masks_treats_black_and_transparent_as_background(tmp_path):
    pixels = np.array([[[9, 9, 9, 0], [9, 9, 9, 255], [0, 0, 0, 255]]], dtype=np.uint8)
    assert masks_of(tmp_path, pixels) == [[[0, 1, 0]]]
    assert masks_of(tmp_path, [[False, True]]) == [[[0, 1]]]
    assert masks_of(tmp_path, np.zeros((2, 2), np.uint8)) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_read_masks_separates_consecutive_grey_values(tmp_path, dtype):
    kind = "tif" if dtype is np.int32 else "png"
    assert masks_of(tmp_path, np.array([[0, 2, 1, 2]], dtype), kind=kind) == [[[0, 0, 1, 0]], [[0, 1, 0, 1]]]


def test_read_masks_of_few_soft_pixels_is_one_object_cut_at_half(tmp_path):
    pixels = np.array([[0, 10, 127, 128, 255, 255]], np.uint8)
    assert masks_of(tmp_path, pixels) == [[[0, 0, 0, 1, 1, 1]]]


def test_read_masks_separates_up_to_254_consecutive_grey_values(tmp_path):
    assert len(masks_of(tmp_path, np.arange(255, dtype=np.uint8)[None])) == 254


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_read_masks_separates_the_ids_of_deep_images(tmp_path, dtype):
    kind = "tif" if dtype is np.int32 else "png"
    pixels = np.array([[0, 3002, 4001, 4003, 4001]], dtype)
    assert masks_of(tmp_path, pixels, kind=kind) == [[[0, 1, 0, 0, 0]], [[0, 0, 1, 0, 1]], [[0, 0, 0, 1, 0]]]


def test_read_masks_separates_areas_of_constant_grey(tmp_path):
    pixels = np.zeros((20, 40), np.uint8)
    pixels[2:8, 2:8], pixels[2:8, 8:14], pixels[10:18, 20:30] = 60, 61, 200
    found = masks_of(tmp_path, pixels)
    assert [int(np.sum(mask)) for mask in found] == [36, 36, 80]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("blur", [0.5, 2, 6])
def test_read_masks_cuts_soft_edges_at_half(tmp_path, blur, dtype):
    hard = ellipse()
    soft = cv2.GaussianBlur(hard.astype(np.float64), (0, 0), blur) / 255
    deepest = np.iinfo(dtype).max
    (found,) = masks_of(tmp_path, (soft * deepest).round().astype(dtype))
    overlap = np.array(found, bool)
    assert np.sum(overlap & (hard > 0)) / np.sum(overlap | (hard > 0)) > 0.97


@pytest.mark.parametrize(("colour", "channels"), [(255, 1), ((255, 255, 255), 3), ((220, 20, 30), 3)])
@pytest.mark.parametrize("quality", [30, 75, 95])
def test_read_masks_of_a_jpeg_is_one_object_cut_at_half(tmp_path, quality, colour, channels):
    hard = ellipse(colour, channels=channels)
    Image.fromarray(hard).save(tmp_path / "a.jpg", quality=quality)
    (found,) = read_masks(tmp_path / "a.jpg")
    area = int((ellipse() > 0).sum())
    assert int(found.sum()) == pytest.approx(area, rel=0.03)


def test_read_masks_separates_palette_colours_and_ignores_the_border(tmp_path):
    assert masks_of(tmp_path, [[0, 1, 2]], [BLACK, RED, GREEN]) == [[[0, 1, 0]], [[0, 0, 1]]]
    assert masks_of(tmp_path, [[0, 1, 2]], [RED, BLACK, GREEN]) == [[[1, 0, 0]], [[0, 0, 1]]]
    voc = [BLACK, RED, *[GREEN] * 253, GREY]
    assert masks_of(tmp_path, [[0, 1, 255]], voc) == [[[0, 1, 0]]]


def test_read_masks_of_a_grey_palette_uses_its_grey_values(tmp_path):
    greys = [(level, level, level) for level in range(256)]
    assert masks_of(tmp_path, [[0, 1, 2]], greys) == [[[0, 1, 0]], [[0, 0, 1]]]
    assert masks_of(tmp_path, [[0, 200, 255]], greys) == [[[0, 1, 1]]]


def test_read_masks_separates_flat_rgb_colours(tmp_path):
    pixels = np.zeros((12, 24, 3), np.uint8)
    pixels[2:10, 2:8], pixels[2:10, 12:20] = RED, GREEN
    assert [int(np.sum(mask)) for mask in masks_of(tmp_path, pixels)] == [64, 48]  # by colour number


def test_read_masks_of_a_cut_out_is_its_opaque_part(tmp_path):
    colours = np.random.default_rng(0).integers(1, 255, (128, 160, 3), np.uint8)
    (found,) = masks_of(tmp_path, np.dstack([colours, ellipse()]))
    assert np.array_equal(np.array(found, bool), ellipse() > 0)


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_read_masks_rejects_a_colour_photograph(tmp_path, project_root, kind):
    with Image.open(project_root / "data/photos/targets/hens.jpg") as photograph:
        photograph.save(tmp_path / f"a.{kind}")
    with pytest.raises(InputError, match=rf"^\S+a\.{kind}: .*photograph.*; draw the object in white"):
        list(read_masks(tmp_path / f"a.{kind}"))


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_read_masks_rejects_a_grey_gradient(tmp_path, kind):
    depth = np.tile(np.linspace(20, 255, 200).astype(np.uint8), (100, 1))
    depth = cv2.GaussianBlur(
        depth + np.random.default_rng(0).integers(0, 3, depth.shape, np.uint8) - 1, (0, 0), 1
    )
    with pytest.raises(InputError, match=r"photograph or depth map, not a mask"):
        masks_of(tmp_path, depth, kind=kind)


def test_read_masks_rejects_a_mask_of_the_whole_image(tmp_path):
    pixels = np.full((10, 10), 255, np.uint8)
    pixels[0, 0] = 0
    with pytest.raises(InputError, match=r"a\.png: the mask covers 99% of the image; draw the object"):
        masks_of(tmp_path, pixels)
