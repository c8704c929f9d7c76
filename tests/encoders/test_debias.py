"""Positional debiasing: removed and kept components, and caching of the directions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.encoders import DINOv3, PositionalDebias
from ntt.encoders.backbone import BackboneEncoder
from ntt.errors import InputError

SIDE, PATCH, CHANNELS = 32, 8, 6


class Placed(BackboneEncoder):
    """Encode colour in channels 0 to 2, row and column in 3 and 4, zero in 5; count encoded images."""

    def __init__(self, debias=None, strength=5.0):
        self.images = 0
        super().__init__(
            "placed",
            torch.nn.AvgPool2d(PATCH),
            channels=[CHANNELS],
            patch_size=PATCH,
            img_size=SIDE,
            mean=(0.5, 0.5, 0.5),
            std=(1.0, 1.0, 1.0),
            architecture={"strength": strength},
            weights_file=None,
            random_weights=False,
            debias=debias,
        )
        self.strength = strength

    def layer_maps(self, pixels):
        self.images += len(pixels)
        colours = self.backbone(pixels).permute(0, 2, 3, 1)
        batch, height, width, _ = colours.shape
        rows = torch.linspace(-1, 1, height)[:, None].expand(height, width)
        columns = torch.linspace(-1, 1, width)[None].expand(height, width)
        places = torch.stack([rows, columns, torch.zeros(height, width)], dim=-1)
        return [torch.cat([colours, self.strength * places.expand(batch, -1, -1, -1)], dim=-1)]


def test_debias_removes_position_and_keeps_colour():
    plain, debiased = Placed(), Placed(PositionalDebias(rank=2))
    images = torch.rand(2, 3, SIDE, SIDE)
    before, after = plain(images), debiased(images)
    assert before[..., 3:5].abs().max() == 5
    assert after[..., 3:5].abs().max() < 0.2
    torch.testing.assert_close(after[..., :3], before[..., :3], atol=0.15, rtol=0)
    assert debiased.embed_dim == plain.embed_dim


def test_rank_1_leaves_a_positional_component():
    after = Placed(PositionalDebias(rank=1))(torch.rand(1, 3, SIDE, SIDE))
    assert after[..., 3:5].abs().max() > 1


def test_debias_works_at_other_image_sizes():
    after = Placed(PositionalDebias(rank=2))(torch.rand(1, 3, 2 * SIDE, SIDE))
    assert after.shape == (1, 8, 4, CHANNELS)
    assert after[..., 3:5].abs().max() < 0.2


@settings(deadline=None, max_examples=20)
@given(rank=st.integers(1, 5), seed=st.integers(0, 99))
def test_project_out_is_orthogonal_and_idempotent(rank, seed):
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(CHANNELS, rank, generator=generator))[0]
    features = torch.randn(3, 4, CHANNELS, generator=generator)
    once = PositionalDebias(rank).project_out(features, basis)
    torch.testing.assert_close(once @ basis, torch.zeros(3, 4, rank), atol=1e-5, rtol=0)
    torch.testing.assert_close(PositionalDebias(rank).project_out(once, basis), once, atol=1e-5, rtol=0)
    inside = torch.randn(3, 4, rank, generator=generator) @ basis.mT
    torch.testing.assert_close(
        PositionalDebias(rank).project_out(features + inside, basis), once, atol=1e-4, rtol=0
    )


def test_directions_are_computed_once_and_cached(tmp_path):
    first = Placed(PositionalDebias(2, str(tmp_path)))
    images = torch.rand(1, 3, SIDE, SIDE)
    expected = first(images)
    assert first.images == 8 + 1
    first(images)
    assert first.images == 8 + 2
    second = Placed(PositionalDebias(2, str(tmp_path)))
    torch.testing.assert_close(second(images), expected)
    assert second.images == 1
    assert [file.stem for file in tmp_path.iterdir()] == [first.fingerprint]


def test_another_encoder_computes_its_own_directions(tmp_path):
    images = torch.rand(1, 3, SIDE, SIDE)
    for encoder in (Placed(PositionalDebias(2, str(tmp_path))), Placed(PositionalDebias(1, str(tmp_path)))):
        encoder(images)
        assert encoder.images == 9
    other = Placed(PositionalDebias(2, str(tmp_path)), strength=4.0)
    other(images)
    assert other.images == 9
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_cache_file_is_recomputed(tmp_path):
    encoder = Placed(PositionalDebias(2, str(tmp_path)))
    file = tmp_path / f"{encoder.fingerprint}.safetensors"
    file.write_bytes(b"cut short")
    images = torch.rand(1, 3, SIDE, SIDE)
    torch.testing.assert_close(encoder(images), Placed(PositionalDebias(2))(images))
    assert file.stat().st_size > 50


def test_debias_is_off_by_default(make):
    encoder = make("dinov3_test")
    assert encoder.debias.rank == 0
    path_free = DINOv3("dinov3_test", 64, weights="random", debias=PositionalDebias(0))
    path_free.load_state_dict(encoder.state_dict())
    assert path_free.fingerprint == encoder.fingerprint


def test_fingerprint_depends_on_the_rank():
    fingerprints = {Placed(PositionalDebias(rank)).fingerprint for rank in range(3)}
    assert len(fingerprints) == 3
    encoder = Placed(PositionalDebias(2))
    before = encoder.fingerprint
    encoder(torch.rand(1, 3, SIDE, SIDE))
    assert encoder.fingerprint == before


@pytest.mark.parametrize(("rank", "message"), [(-1, "is negative"), (6, "use at most 5")])
def test_an_invalid_rank_is_rejected(rank, message):
    with pytest.raises(InputError, match=rf"encoder\.debias\.rank={rank} .*{message}"):
        Placed(PositionalDebias(rank))


class Tinted(Placed):
    """Add position-dependent noise and a colour term, so that black and noise give different directions."""

    def layer_maps(self, pixels):
        (features,) = super().layer_maps(pixels)
        height, width = features.shape[1:3]
        spread = torch.rand(height, width, CHANNELS, generator=torch.Generator().manual_seed(3))
        return [features + spread * torch.arange(1, CHANNELS + 1) + features.mean(dim=-1, keepdim=True) * 7]


def numpy_directions(encoder, rank):
    """Compute left singular vectors of a black image's centred channels x patches matrix with numpy."""
    pixels = (torch.zeros(1, 3, SIDE, SIDE) - 0.5) / 1.0  # a black image normalised by mean 0.5, deviation 1
    matrix = encoder.layer_maps(pixels)[0][0].flatten(0, 1).double().numpy().T
    matrix = matrix - matrix.mean(axis=1, keepdims=True)
    return np.linalg.svd(matrix)[0][:, :rank]


@pytest.mark.parametrize(
    ("encoder", "rank"), [(Placed, 1), (Placed, 2), (Tinted, 1), (Tinted, 2), (Tinted, 4)]
)
def test_black_directions_are_the_left_singular_vectors_of_centred_features(encoder, rank):
    plain, debiased = encoder(), encoder(PositionalDebias(rank, image="black"))
    directions = numpy_directions(plain, rank)
    images = torch.rand(2, 3, 2 * SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    before = plain(images).double().numpy()
    expected = before - before @ directions @ directions.T
    np.testing.assert_allclose(debiased(images).numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(debiased.debiased(plain(images)).numpy(), expected, atol=1e-4)
    torch.testing.assert_close(debiased.plain(images), plain(images))
    assert np.abs(debiased(images).numpy() @ directions).max() < 1e-3


def test_black_and_noise_images_give_different_directions():
    images = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    black, noise = (Tinted(PositionalDebias(2, image=image))(images) for image in ("black", "noise"))
    assert (black - noise).abs().max() > 0.1


def test_black_directions_encode_one_image_and_change_the_fingerprint(tmp_path):
    encoder = Placed(PositionalDebias(2, str(tmp_path), "black"))
    images = torch.rand(1, 3, SIDE, SIDE)
    first = encoder(images)
    assert encoder.images == 1 + 1
    again = Placed(PositionalDebias(2, str(tmp_path), "black"))
    torch.testing.assert_close(again(images), first)
    assert again.images == 1
    assert encoder.fingerprint != Placed(PositionalDebias(2, str(tmp_path), "noise")).fingerprint
    assert Placed(PositionalDebias(0, image="black")).fingerprint == Placed(PositionalDebias(0)).fingerprint


def test_an_unknown_image_is_rejected_in_one_line():
    with pytest.raises(
        InputError, match=r"^encoder\.debias\.image=white is unknown: choose one of noise, black$"
    ):
        PositionalDebias(2, image="white")
