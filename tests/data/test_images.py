import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ntt.data.images import image_sizes, limit_image_size, read_image
from ntt.data.mask_images import read_masks
from ntt.errors import InputError


@pytest.fixture
def colours():
    """5 x 8 pixels with a different colour in each quarter."""
    pixels = np.zeros((5, 8, 3), dtype=np.uint8)
    pixels[:3, :4], pixels[:3, 4:], pixels[3:, :4] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return pixels


def as_tensor(pixels):
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255


def test_read_image_keeps_plain_colours(tmp_path, colours):
    Image.fromarray(colours).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == torch.float32
    assert torch.equal(image, as_tensor(colours))


@pytest.mark.parametrize(("mode", "kind"), [("P", "png"), ("RGBA", "png"), ("CMYK", "tif"), ("CMYK", "jpg")])
def test_read_image_converts_other_modes_to_rgb(tmp_path, colours, mode, kind):
    file = tmp_path / f"a.{kind}"
    Image.fromarray(colours).convert(mode).save(file, quality=100, subsampling=0)
    assert torch.allclose(read_image(file), as_tensor(colours), atol=0.02)


def test_read_image_scales_16_bit_colours(tmp_path):
    pixels = np.array([[[0, 20000, 65535], [65535, 0, 40000]]], dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), pixels[:, :, ::-1])
    expected = torch.from_numpy(pixels / 65535).permute(2, 0, 1).float()
    assert torch.allclose(read_image(tmp_path / "a.png"), expected, atol=1 / 255)


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_read_image_repeats_grey_in_three_channels(tmp_path, mode):
    grey = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    Image.fromarray(grey).convert(mode).save(tmp_path / "a.png")
    assert torch.equal(read_image(tmp_path / "a.png"), torch.from_numpy(grey / 255).float().expand(3, 2, 2))


@pytest.mark.parametrize(("dtype", "white"), [(np.uint16, 65535), (np.int32, 65535), (np.float32, 1)])
def test_read_image_scales_deep_grey_to_its_range(tmp_path, dtype, white):
    values = np.array([[0, 0.25], [0.5, 1]]) * white
    file = tmp_path / ("a.png" if dtype is np.uint16 else "a.tif")
    Image.fromarray(values.astype(dtype)).save(file)
    expected = torch.tensor([[0, 0.25], [0.5, 1]]).expand(3, 2, 2)
    assert torch.allclose(read_image(file), expected, atol=1 / 255)


def test_read_image_blends_transparency_with_white(tmp_path):
    pixels = np.array([[[255, 0, 0, 255], [0, 0, 0, 0]]], dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[:, 0].T.tolist() == [[1, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_read_image_applies_the_exif_rotation(tmp_path, colours, orientation, turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(colours).save(tmp_path / "a.png", exif=exif)
    upright = as_tensor(np.rot90(colours, turns))
    assert torch.equal(read_image(tmp_path / "a.png"), upright)
    assert image_sizes(tmp_path / "a.png") == (tuple(upright.shape[1:]), (5, 8))
    assert torch.equal(read_image(tmp_path / "a.png", tuple(upright.shape[1:])), upright)


def test_read_image_annotated_as_stored_is_not_rotated(tmp_path, colours):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(colours).save(tmp_path / "a.png", exif=exif)
    assert torch.equal(read_image(tmp_path / "a.png", (5, 8)), as_tensor(colours))


@pytest.mark.parametrize("read", [read_image, lambda file: list(read_masks(file)), image_sizes])
def test_missing_images_and_other_files_are_rejected(tmp_path, read):
    with pytest.raises(InputError, match=r"^\S+a\.png: image not found; "):
        read(tmp_path / "a.png")
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(InputError, match=r"^\S+a\.png: cannot be read as an image "):
        read(tmp_path / "a.png")
    with pytest.raises(InputError, match="cannot be read as an image"):
        read(tmp_path)


@pytest.mark.parametrize("read", [read_image, lambda file: list(read_masks(file)), image_sizes])
def test_images_above_the_limit_are_rejected(tmp_path, monkeypatch, colours, read):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # restored after the test
    Image.fromarray(colours).save(tmp_path / "a.png")
    limit_image_size(40e-6)
    read(tmp_path / "a.png")
    limit_image_size(38e-6)
    with pytest.raises(InputError, match=r"a\.png: has more than .* raise max_megapixels"):
        read(tmp_path / "a.png")


def test_a_decompression_bomb_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**8)
    file = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(file)
    assert file.stat().st_size < 1e5
    with pytest.raises(InputError, match=r"bomb\.png: has more than 200 million pixels; resize it"):
        read_image(file)


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_limit_image_size_rejects_invalid_limits(limit):
    with pytest.raises(InputError, match=r"max_megapixels must be above 0, got"):
        limit_image_size(limit)


def test_image_sizes_finds_truncated_images_only_if_whole(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:1500])
    assert image_sizes(tmp_path / "a.jpg") == ((64, 64), (64, 64))
    with pytest.raises(InputError, match=r"a\.jpg: cannot be read as an image \(image file is truncated"):
        image_sizes(tmp_path / "a.jpg", whole=True)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns about damaged files
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(["png", "jpg", "gif", "tif", "bmp", "webp"]), cut=st.floats(0, 1), data=st.data())
def test_damaged_files_are_read_or_rejected(tmp_path, kind, cut, data):
    file = tmp_path / f"a.{kind}"
    noise = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file)
    content = bytearray(file.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    file.write_bytes(bytes(content[: int(len(content) * cut)]))
    refusal = None
    try:
        image = read_image(file)
    except InputError as error:
        refusal = str(error)
    if refusal is None:
        assert image.shape[0] == 3
        assert 0 <= image.min() <= image.max() <= 1
    else:
        assert refusal.startswith(str(file))
        assert "\n" not in refusal
