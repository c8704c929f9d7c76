"""Sam2Segmenter, compared with the predictor of the sam2 package."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from ntt.errors import InputError
from ntt.segmenters import Prompts, Sam2Segmenter

NANO = Path(__file__).parents[2] / "conf" / "segmenter" / "sam2_nano.yaml"


@pytest.fixture(scope="module")
def nano() -> Sam2Segmenter:
    config = OmegaConf.load(NANO)
    torch.manual_seed(3)
    segmenter = Sam2Segmenter(
        config.name, config.config, 256, "random", overrides=config.overrides, prompt_memory=0.0
    )
    # Freshly initialised weights are almost insensitive to prompts, so enlarge them.
    decoder = segmenter.model.sam_mask_decoder
    for module in decoder.transformer.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.3)
    for layer in decoder.iou_prediction_head.layers:
        nn.init.normal_(layer.weight, std=0.2)
    return segmenter


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).float() / 255


def clicks(number: int, size: int) -> Prompts:
    points = torch.rand(number, 1, 2, generator=torch.Generator().manual_seed(1)) * size
    return Prompts(points, torch.ones(number, 1, dtype=torch.int32))


@torch.no_grad()
def let_every_output_win_somewhere(segmenter: Sam2Segmenter, image: np.ndarray, prompts: Prompts) -> None:
    """Centre the predicted IoUs over the prompts, because otherwise one output would always win."""
    _, iou = segmenter.decode_all(segmenter.encode(as_tensor(image)), prompts)
    segmenter.model.sam_mask_decoder.iou_prediction_head.layers[-1].bias -= iou.logit(eps=1e-6).mean(dim=0)


@pytest.mark.parametrize("shape", [(256, 256), (90, 200), (300, 270)])
@torch.no_grad()
def test_decode_matches_the_packages_predictor(nano, shape):
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    image, prompts = picture(*shape), clicks(8, 256)
    let_every_output_win_somewhere(nano, image, prompts)
    predictor = SAM2ImagePredictor(nano.model)
    predictor._bb_feat_sizes = [(64, 64), (32, 32), (16, 16)]  # the predictor assumes 1024 pixels
    predictor.set_image(image)
    theirs = [
        predictor.predict(point.numpy() * [shape[1] / 256, shape[0] / 256], np.ones(1))
        for point in prompts.points
    ]
    their_logits = torch.from_numpy(np.stack([low_res for _, _, low_res in theirs]))
    their_iou = torch.from_numpy(np.stack([iou for _, iou, _ in theirs]))

    embedding = nano.encode(as_tensor(image))
    logits, iou = nano.decode_all(embedding, prompts)
    assert logits.shape == (8, 4, 64, 64)
    torch.testing.assert_close(logits[:, 1:], their_logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(iou[:, 1:], their_iou, atol=1e-4, rtol=1e-4)

    proposals = nano.decode(embedding, prompts)
    best = their_iou.argmax(dim=1)
    assert len(best.unique()) > 1, "the weights should make different outputs win"
    torch.testing.assert_close(proposals.logits, their_logits[torch.arange(8), best], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(proposals.iou, their_iou.amax(dim=1), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_decode_all_accepts_several_prompts_per_image(nano):
    images = torch.stack([as_tensor(picture(256, 256)), as_tensor(picture(256, 256)).flip(2)])
    prompts = clicks(6, 256)
    logits, iou = nano.decode_all(nano.encode_batch(images), prompts)
    for index, image in enumerate(images):
        own = slice(3 * index, 3 * index + 3)
        alone = nano.decode_all(nano.encode(image), Prompts(prompts.points[own], prompts.labels[own]))
        torch.testing.assert_close(logits[own], alone[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(iou[own], alone[1], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_encode_all_accepts_images_of_any_size(nano):
    images = [as_tensor(picture(90, 200)), as_tensor(picture(256, 256)), as_tensor(picture(300, 70))]
    for together, image in zip(nano.encode_all(images), images, strict=True):
        alone = nano.encode(image)
        torch.testing.assert_close(together.features, alone.features, atol=1e-4, rtol=1e-4)
        for one, other in zip(together.high_res, alone.high_res, strict=True):
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_min_iou_drops_exactly_the_masks_below_it(nano):
    embedding = nano.encode(as_tensor(picture(64, 64)))
    prompts = clicks(10, 256)
    everything = nano.decode(embedding, prompts)
    threshold = float(everything.iou.median())
    some = nano.decode(embedding, prompts, min_iou=threshold)
    kept = everything.iou > threshold
    assert 0 < kept.sum() < 10
    torch.testing.assert_close(some.iou, everything.iou[kept])
    torch.testing.assert_close(some.logits, everything.logits[kept], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_decode_without_prompts_or_surviving_masks_is_empty(nano):
    embedding = nano.encode(as_tensor(picture(64, 64)))
    for proposals in (nano.decode(embedding, clicks(0, 256)), nano.decode(embedding, clicks(4, 256), 2.0)):
        assert len(proposals) == 0
        assert proposals.logits.shape == (0, 64, 64)


def test_gradients_reach_the_image_encoder_and_the_decoder(nano):
    logits, iou = nano.decode_all(nano.encode_batch(torch.rand(2, 3, 256, 256)), clicks(4, 256))
    (logits.square().mean() + iou.sum()).backward()
    for weight in (
        nano.model.image_encoder.trunk.patch_embed.proj.weight,
        nano.model.sam_mask_decoder.mask_tokens.weight,
        nano.model.sam_mask_decoder.conv_s0.weight,
    ):
        assert weight.grad is not None
        assert weight.grad.abs().sum() > 0
    nano.zero_grad()


def test_nano_has_few_parameters():
    config = OmegaConf.load(NANO)
    config.weights = "random"
    segmenter = Sam2Segmenter(**{k: v for k, v in config.items() if k != "_target_"})
    parameters = sum(parameter.numel() for parameter in segmenter.parameters())
    assert 3.5e6 < parameters < 4.3e6
    assert (segmenter.image_size, segmenter.mask_size) == (512, 128)


@torch.no_grad()
def test_bfloat16_gives_similar_masks_in_float32(project_root):
    config = OmegaConf.load(NANO)
    weights = project_root / "checkpoints" / "nano" / "sam2_nano.safetensors"
    image = torch.full((3, 128, 128), 0.1)
    image[0, 30:80, 30:80] = 1.0
    prompts = Prompts(torch.tensor([[[220.0, 220.0]]]), torch.ones(1, 1, dtype=torch.int32))
    masks = []
    for dtype in ("float32", "bfloat16"):
        segmenter = Sam2Segmenter("nano", config.config, 512, weights, config.overrides, dtype=dtype)
        proposals = segmenter.decode(segmenter.encode(image), prompts)
        assert proposals.logits.dtype == proposals.iou.dtype == torch.float32
        masks.append(proposals.logits[0] > 0)
    assert masks[0].sum() > 1000
    assert (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum() > 0.95


def test_an_unknown_precision_is_rejected():
    with pytest.raises(
        InputError, match=r"segmenter\.dtype=float8 is unknown; choose one of float32, bfloat16"
    ):
        Sam2Segmenter("x", "sam2.1/sam2.1_hiera_t.yaml", 256, "random", dtype="float8")
