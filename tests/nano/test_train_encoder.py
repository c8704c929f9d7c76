"""One training step of a nano encoder on a sprite sheet of coloured discs."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nano import train_encoder
from nano.mosaics import MosaicBatch
from nano.train_encoder import EncoderTraining, _pool
from ntt.encoders import DINOv3, TimmEncoder


@pytest.fixture
def training(sheet, tmp_path, monkeypatch):
    monkeypatch.setattr(train_encoder, "load_sprites", lambda folder: sheet)

    def build(**options):
        return EncoderTraining(
            encoder=DINOv3("dinov3_nano", 64, weights="random"),
            teacher=TimmEncoder("lite", "tf_efficientnet_lite0", 16, 64, weights="random"),
            sprites="unused",
            output=str(tmp_path / "out.safetensors"),
            folder=str(tmp_path / "run"),
            minutes=0,
            grid=4,
            layouts=(1, 2),
            images=4,
            **options,
        )

    # The teacher's statistics need 64 classes, more than the sheet has.
    draw = train_encoder.Mosaics.draw
    monkeypatch.setattr(
        train_encoder.Mosaics,
        "draw",
        lambda self, rng, classes, per_side: draw(self, rng, min(classes, 16), per_side),
    )
    return build


def test_features_are_pooled_inside_the_masks():
    features = torch.zeros(2, 2, 2, 3)
    features[0, 0, 0], features[0, 1, 1], features[1] = (
        torch.tensor([3.0, 0, 0]),
        torch.tensor([0.0, 4, 0]),
        torch.tensor([0.0, 0, 2]),
    )
    masks = torch.zeros(3, 8, 8)
    masks[0, :4, :4] = 1
    masks[1, :4, :4], masks[1, 4:, 4:] = 1, 1
    masks[2] = 1
    batch = MosaicBatch(torch.zeros(2, 3, 8, 8), masks, torch.tensor([0, 0, 1]), torch.zeros(3))
    torch.testing.assert_close(
        _pool(features, batch), torch.tensor([[1.0, 0, 0], [0.6, 0.8, 0], [0.0, 0, 1]])
    )


def test_the_loss_is_the_weighted_sum_of_its_parts(training):
    run = training(proxy_weight=0.25)
    figures = run.step(np.random.default_rng(0))
    parts = figures["distil"] + figures["contrast"] + 0.25 * figures["proxy"]
    torch.testing.assert_close(figures["loss"], parts)
    figures["loss"].backward()
    for module in (run.encoder.backbone, run.to_teacher, run.proxies):
        assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in module.parameters())


def test_every_base_class_has_its_own_proxy(training, monkeypatch):
    run = training()
    assert run.proxies.weight.shape[0] == len(run.proxy_of) == 20
    assert sorted(run.proxy_of.values()) == list(range(20))
    assert min(run.proxy_of) >= 40, "a held-out class is trained on"

    def own_axis(features, batch):
        rows = torch.tensor([run.proxy_of[int(index)] for index in batch.classes])
        return torch.eye(run.encoder.embed_dim)[rows].requires_grad_()

    monkeypatch.setattr(train_encoder, "_pool", own_axis)
    with torch.no_grad():
        run.proxies.weight.copy_(torch.eye(20, run.encoder.embed_dim))
    found = run.step(np.random.default_rng(3))["proxy"].item()
    assert found == pytest.approx(math.log(1 + 19 * math.exp(-10)), rel=1e-3)


def test_start_loads_the_encoder_of_an_earlier_run(training, tmp_path):
    first = training()
    first.run()
    assert set(load_file(tmp_path / "out.safetensors")) == set(first.encoder.backbone.state_dict())
    second = training(start=str(tmp_path / "run" / "checkpoint.pt"), seed=5)
    for key, tensor in first.encoder.state_dict().items():
        assert torch.equal(tensor, second.encoder.state_dict()[key]), key
    assert not torch.equal(first.proxies.weight, second.proxies.weight)
