"""The square crop around a reference instance."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.memory import crop_reference


def box_mask(height: int, width: int, top: int, left: int, bottom: int, right: int) -> torch.Tensor:
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def ramp(height: int, width: int) -> torch.Tensor:
    """Create an image whose red and green channels equal the relative x and y position."""
    x = ((torch.arange(width) + 0.5) / width).expand(height, width)
    y = ((torch.arange(height) + 0.5) / height)[:, None].expand(height, width)
    return torch.stack([x, y, torch.zeros(height, width)])


def test_crop_is_centred_on_the_box_and_has_the_given_size():
    crop, weights = crop_reference(ramp(200, 100), box_mask(200, 100, 80, 30, 130, 50), 0.2, 64, 16)
    # The box is 20 x 50 around (40, 105), so the square has side 60: x 10 to 70, y 75 to 135.
    assert crop.shape == (3, 64, 64)
    assert weights.shape == (4, 4)
    torch.testing.assert_close(crop[0, 0, [0, -1]], torch.tensor([0.10, 0.70]), atol=0.01, rtol=0)
    torch.testing.assert_close(crop[1, [0, -1], 0], torch.tensor([75 / 200, 135 / 200]), atol=0.01, rtol=0)
    covered = float(weights.mean()) * 60 * 60
    assert covered == pytest.approx(20 * 50, rel=0.02)
    torch.testing.assert_close(weights, weights.flip(0), atol=1e-4, rtol=0)
    torch.testing.assert_close(weights, weights.flip(1), atol=1e-4, rtol=0)
    assert weights[:, 1].sum() > 5 * weights[:, 0].sum(), "the box is narrow and tall"


def test_crop_outside_the_image_has_the_mean_colour_and_no_coverage():
    image = torch.full((3, 50, 50), 0.25)
    crop, weights = crop_reference(image, box_mask(50, 50, 0, 0, 20, 20), 1.0, 32, 8)
    torch.testing.assert_close(crop, torch.full((3, 32, 32), 0.25))
    outside = torch.cat([weights[0], weights[:, 0]])
    assert outside.max() < 0.02
    assert weights[1:3, 1:3].min() > 0.9


def test_crop_of_a_panorama_is_limited_in_size(monkeypatch):
    image, mask = ramp(60, 2000), box_mask(60, 2000, 10, 100, 50, 1900)
    seen = []
    clone = torch.Tensor.clone
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "clone", lambda self: seen.append(self.shape) or clone(self))
        crop, weights = crop_reference(image, mask, 0.2, 64, 16)
    ((_, height, width),) = seen
    assert max(height, width) <= 4 * 64 + 4
    monkeypatch.setattr("ntt.memory.crop.MOST_DETAIL", 1000)
    exact_crop, exact_weights = crop_reference(image, mask, 0.2, 64, 16)
    assert float((crop - exact_crop).abs().mean()) < 0.005
    torch.testing.assert_close(weights, exact_weights, atol=0.02, rtol=0)
    assert float(weights.sum()) == pytest.approx(float(exact_weights.sum()), rel=0.05)


def test_an_instance_smaller_than_a_patch_keeps_its_coverage():
    mask = torch.zeros(100, 100, dtype=torch.bool)
    mask[50, 10:90] = True  # one pixel high; nearest-pixel sampling on this grid misses it
    _, weights = crop_reference(torch.rand(3, 100, 100), mask, 0.2, 32, 16)
    assert weights.sum() > 0


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_crop_of_any_instance_is_valid(data):
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    ratio = data.draw(st.floats(0, 3))
    mask = box_mask(height, width, top, left, bottom, right)
    crop, weights = crop_reference(torch.rand(3, height, width), mask, ratio, 28, 7)
    assert crop.shape == (3, 28, 28)
    assert weights.shape == (4, 4)
    assert crop.min() >= -1e-5
    assert crop.max() <= 1 + 1e-5
    assert weights.min() >= 0
    assert weights.max() <= 1 + 1e-5
    assert weights.sum() > 0
