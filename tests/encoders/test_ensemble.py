"""Ensembles of two encoders."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ntt.encoders import EnsembleEncoder, TimmEncoder
from ntt.encoders.base import Encoder
from ntt.errors import InputError


class Colours(Encoder):
    """Return the mean colour of every patch and a channel of ones; record image sizes."""

    def __init__(self, patch_size, img_size, scale=1.0):
        super().__init__()
        self.name, self.patch_size, self.img_size = f"colours{patch_size}", patch_size, img_size
        self.embed_dim, self.scale = 4, scale
        self.seen = []

    @property
    def fingerprint(self):
        return f"{self.name} {self.scale}"

    def forward(self, images):
        self.seen.append(tuple(images.shape[-2:]))
        maps = F.avg_pool2d(images, self.patch_size).permute(0, 2, 3, 1)
        return self.scale * torch.cat([maps, torch.ones_like(maps[..., :1])], dim=-1)


def pair(first, second):
    return EnsembleEncoder({"first": first, "second": second})


def test_ensemble_implements_the_encoder_interface(make):
    ensemble = pair(make("dinov2_test"), make("dinov3_test"))
    assert (ensemble.embed_dim, ensemble.patch_size, ensemble.img_size) == (28 + 32, 16, 64)
    assert ensemble.name == "dinov2_test+dinov3_test"
    assert ensemble.random_weights
    features = ensemble(torch.rand(2, 3, 64, 96))
    assert features.shape == (2, 4, 6, 60)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features.norm(dim=-1), torch.full((2, 4, 6), 2**0.5))


def test_members_encode_the_image_at_their_own_resolution(make):
    """With equal grids, only the image is resized to each member's resolution, not the features."""
    first, second = make("dinov2_test"), make("dinov3_test")
    images = torch.rand(1, 3, 64, 64)
    features = pair(first, second)(images)
    small = F.interpolate(images, (56, 56), mode="bilinear", antialias=True)
    torch.testing.assert_close(features[..., :28], F.normalize(first(small), dim=-1))
    torch.testing.assert_close(features[..., 28:], F.normalize(second(images), dim=-1))


def test_scale_of_a_member_does_not_change_features():
    images = torch.rand(1, 3, 64, 64)
    plain, loud = pair(Colours(16, 64), Colours(8, 64)), pair(Colours(16, 64, 100.0), Colours(8, 64))
    torch.testing.assert_close(plain(images), loud(images))


def test_ensemble_uses_the_finest_grid_and_aligns_positions():
    coarse, fine = Colours(16, 128), Colours(8, 128)
    ensemble = pair(coarse, fine)
    assert (ensemble.patch_size, ensemble.img_size) == (8, 128)
    images = torch.zeros(1, 3, 128, 128)
    images[:, 0, 96:, :32] = 1  # a red lower left corner
    features = ensemble(images)
    assert features.shape == (1, 16, 16, 8)
    for red in (features[0, ..., 0], features[0, ..., 4]):
        assert red[15, 0] > 0.6
        assert red[0, 0] == red[15, 15] == 0


@given(rows=st.integers(1, 30), columns=st.integers(1, 30))
def test_ensemble_accepts_any_image_size(rows, columns):
    coarse, fine = Colours(14, 70), Colours(4, 64)
    features = pair(coarse, fine)(torch.rand(1, 3, 4 * rows, 4 * columns))
    assert features.shape == (1, rows, columns, 8)
    ((height, width),) = coarse.seen
    assert abs(height / 70 - 4 * rows / 64) <= 14 / 70
    assert abs(width / 70 - 4 * columns / 64) <= 14 / 70


def test_fingerprint_depends_on_members_and_their_order():
    a, b, c = Colours(8, 64), Colours(16, 64), Colours(16, 64, 2.0)
    assert len({pair(a, b).fingerprint, pair(b, a).fingerprint, pair(a, c).fingerprint}) == 3
    assert pair(a, b).fingerprint == pair(Colours(8, 64), Colours(16, 64)).fingerprint


def test_any_encoder_can_be_a_member(make):
    lite = TimmEncoder("lite", "tf_efficientnet_lite0", 16, 64, weights="random")
    assert pair(make("dinov3_test"), lite)(torch.rand(1, 3, 64, 64)).shape == (1, 4, 4, 32 + 112)


def test_empty_members_and_invalid_sizes_are_rejected(make):
    with pytest.raises(InputError, match=r"encoder\.members is empty"):
        EnsembleEncoder({})
    with pytest.raises(
        InputError, match=r"img_size 70 is invalid for dinov2_test\+dinov3_test: .* 64 and 80"
    ):
        pair(make("dinov2_test"), make("dinov3_test"))(torch.rand(1, 3, 70, 64))
