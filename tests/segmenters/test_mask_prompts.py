"""Mask prompts: conversion from masks, and agreement of the decoder with the package."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from torch import nn

from ntt.errors import InputError
from ntt.matching import boxes_from_masks
from ntt.segmenters import NoSegmenter, Prompts, Sam2Segmenter
from ntt.segmenters.base import MASK_LOGIT
from ntt.segmenters.prompting import mask_prompts
from ntt.segmenters.sam2_package import _drop_replaced, build_sam2
from ntt.segmenters.timm_trunk import TimmTrunk

CONF = Path(__file__).parents[2] / "conf" / "segmenter"


class Square(NoSegmenter):
    name, image_size, mask_size, mask_prompts = "square", 128, 32, True


def prompts_of(*masks):
    masks = torch.stack(masks)
    return mask_prompts(Square(), masks, boxes_from_masks(masks))


def rectangle(height, width, rows, columns):
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[rows, columns] = True
    return mask


# Conversion of masks to prompts.


def test_mask_prompts_contain_share_logits_a_point_and_a_box():
    prompts = prompts_of(rectangle(64, 96, slice(16, 32), slice(30, 60)))
    assert prompts.labels.tolist() == [[1, 2, 3]]
    assert prompts.points.shape == (1, 3, 2)
    assert prompts.points[0, 1:].flatten().tolist() == pytest.approx([40, 32, 80, 64])
    logits = prompts.masks[0, 0]
    assert logits.shape == (32, 32)
    assert bool((logits[8:16, 10:20] == MASK_LOGIT).all())
    logits[8:16, 10:20] = -MASK_LOGIT
    assert bool((logits == -MASK_LOGIT).all())


def test_mask_prompts_of_half_covered_cells_have_zero_logits():
    prompts = prompts_of(rectangle(64, 64, slice(0, 64), slice(0, 33)))
    assert prompts.masks[0, 0, :, 16].tolist() == pytest.approx([0.0] * 32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(8, 150), st.integers(8, 150), st.integers(1, 3))
def test_mask_prompts_place_the_point_inside_the_mask(seed, height, width, number):
    """The point's cell is covered by the mask, mostly covered if any cell is."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(number, 1, 4, 4, generator=generator)
    masks = torch.nn.functional.interpolate(noise, (height, width), mode="bilinear")[:, 0] > 0.6
    masks[:, height // 2, width // 3] = True
    prompts = prompts_of(*masks)
    assert len(prompts) == number
    assert bool(((prompts.points >= 0) & (prompts.points <= 128)).all())
    for point, logits in zip(prompts.points[:, 0], prompts.masks[:, 0], strict=True):
        column, row = (point / 4).long().tolist()
        assert logits[row, column] >= min(0, float(logits.max()))
    for (_, (x1, y1), (x2, y2)), box in zip(
        prompts.points.tolist(), boxes_from_masks(masks).tolist(), strict=True
    ):
        expected = [box[0] / width, box[1] / height, box[2] / width, box[3] / height]
        assert [x1, y1, x2, y2] == pytest.approx([128 * value for value in expected], abs=1e-3)


def test_mask_prompts_place_the_point_at_the_centre_of_the_widest_part():
    mask = rectangle(64, 64, slice(20, 44), slice(8, 32)) | rectangle(64, 64, slice(30, 34), slice(30, 62))
    assert prompts_of(mask).points[0, 0].tolist() == pytest.approx([40, 64], abs=4)


def test_mask_prompts_of_a_mask_smaller_than_a_cell_place_the_point_on_it():
    prompts = prompts_of(rectangle(640, 640, slice(405, 407), slice(207, 209)))
    assert prompts.points[0, 0].tolist() == [4 * 10.5, 4 * 20.5]
    assert prompts.masks.amax() > -MASK_LOGIT


def test_mask_prompts_of_an_untrained_segmenter_are_rejected():
    segmenter = Square()
    segmenter.mask_prompts = False
    masks = rectangle(9, 9, slice(2, 5), slice(2, 5))[None]
    with pytest.raises(
        InputError,
        match=r"^segmenter=square was not trained on mask prompts; choose sam2_lite or a sam2.1 model$",
    ):
        mask_prompts(segmenter, masks, boxes_from_masks(masks))


def test_only_the_nano_segmenters_lack_mask_prompts():
    missing = {
        file.stem for file in CONF.glob("*.yaml") if OmegaConf.load(file).get("mask_prompts", True) is False
    }
    assert missing == {"sam2_nano"}


# The decoder.


@pytest.fixture(scope="module", params=["sam2/sam2_hiera_t.yaml", "sam2.1/sam2.1_hiera_t.yaml"])
def full_width(request) -> Sam2Segmenter:
    """The official decoder at full width on a small image, with weights sensitive to the prompts."""
    segmenter = Sam2Segmenter("wide", request.param, 128, "random", prompt_memory=1e-4)
    torch.manual_seed(0)
    for part in (segmenter.model.sam_mask_decoder, segmenter.model.sam_prompt_encoder):
        for name, parameter in part.named_parameters():
            if parameter.ndim > 1 and "token" not in name:
                nn.init.normal_(parameter, std=1.5 * parameter[0].numel() ** -0.5)
            elif "norm" in name:
                nn.init.normal_(parameter, mean=1.0, std=0.2)
    return segmenter


def some_prompts(number, size):
    generator = torch.Generator().manual_seed(2)
    noise = torch.rand(number, 1, 3, 3, generator=generator)
    masks = torch.nn.functional.interpolate(noise, (90, 120), mode="bilinear")[:, 0] > 0.5
    masks[:, 40, 50] = True
    segmenter = Square()
    segmenter.image_size, segmenter.mask_size = size, size // 4
    return mask_prompts(segmenter, masks, boxes_from_masks(masks))


@pytest.mark.parametrize("quantile", [0.0, 0.5])
@torch.no_grad()
def test_decode_of_mask_prompts_agrees_with_the_packages_decoder(full_width, quantile):
    prompts = some_prompts(9, 128)
    embedding = full_width.encode(torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(3)))
    logits, iou = full_width.decode_all(embedding, prompts)
    best_iou, best = iou[:, 1:].max(dim=1)
    min_iou = float(best_iou.quantile(quantile)) - 1e-4
    proposals = full_width.decode(embedding, prompts, min_iou)
    kept = torch.nonzero(best_iou > min_iou)[:, 0]
    assert len(kept) == {0.0: 9, 0.5: 5}[quantile]
    torch.testing.assert_close(proposals.iou, best_iou[kept], atol=1e-3, rtol=1e-3)
    expected = logits[kept, best[kept] + 1]
    torch.testing.assert_close(proposals.logits, expected, atol=1e-3 * float(logits.abs().max()), rtol=1e-3)


@torch.no_grad()
def test_decode_depends_on_the_mask_prompts(full_width):
    prompts = some_prompts(4, 128)
    embedding = full_width.encode(torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(3)))
    answers = full_width.decode(embedding, prompts).logits
    bare = full_width.decode(embedding, Prompts(prompts.points, prompts.labels)).logits
    other = full_width.decode(embedding, Prompts(prompts.points, prompts.labels, -prompts.masks)).logits
    scale = float(answers.std())
    for changed in (bare, other):
        assert bool(((answers - changed).abs().amax(dim=(1, 2)) > 0.05 * scale).all())


@torch.no_grad()
def test_decode_of_mask_prompts_agrees_with_the_packages_predictor(full_width):
    """Compare with the package's prompt encoder with ``masks`` and decoder with ``multimask_output``."""
    prompts = some_prompts(3, 128)
    embedding = full_width.encode(torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(4)))
    model = full_width.model
    found = full_width.decode(embedding, prompts)
    for index in range(3):
        one = prompts.some(slice(index, index + 1))
        sparse, dense = model.sam_prompt_encoder(points=(one.points, one.labels), boxes=None, masks=one.masks)
        masks, iou, _, _ = model.sam_mask_decoder(
            image_embeddings=embedding.features,
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            repeat_image=False,
            high_res_features=list(embedding.high_res),
        )
        best = int(iou[0].argmax())
        assert float(found.iou[index]) == pytest.approx(float(iou[0, best]), abs=1e-3)
        scale = float(masks.abs().max())
        torch.testing.assert_close(found.logits[index], masks[0, best], atol=1e-3 * scale, rtol=1e-3)


# Overrides of the package's config, and the trunk of sam2_lite.


def test_drop_replaced_empties_only_nodes_whose_override_names_a_class():
    node = OmegaConf.create(
        {
            "a": {"_target_": "x.A", "size": 3, "deep": {"_target_": "x.D", "depth": 1}},
            "b": {"_target_": "x.B", "width": 5, "inner": {"_target_": "x.I", "n": 7}},
        }
    )
    overrides = {"a": {"_target_": "y.A", "other": 1}, "b": {"inner": {"_target_": "y.I"}, "width": 6}}
    _drop_replaced(node, {**overrides, "new": {"_target_": "y.N"}})
    assert OmegaConf.to_container(node) == {"a": {}, "b": {"_target_": "x.B", "width": 5, "inner": {}}}
    assert OmegaConf.to_container(OmegaConf.merge(node, overrides)) == {
        "a": {"_target_": "y.A", "other": 1},
        "b": {"_target_": "x.B", "width": 6, "inner": {"_target_": "y.I"}},
    }
    untouched = OmegaConf.create({"a": {"_target_": "x.A", "size": 3}})
    _drop_replaced(untouched, {"a": {"size": 4}})
    assert OmegaConf.to_container(untouched) == {"a": {"_target_": "x.A", "size": 3}}


def test_an_override_with_a_target_replaces_the_packages_node():
    """A linear layer would not accept the arguments of the package's memory attention."""
    linear = {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 3}
    model = build_sam2("sam2.1/sam2.1_hiera_t.yaml", 128, {"memory_attention": linear})
    assert isinstance(model.memory_attention, nn.Linear)
    whole = build_sam2("sam2.1/sam2.1_hiera_t.yaml", 128, {"memory_attention": {"num_layers": 1}})
    assert len(whole.memory_attention.layers) == 1, "without a class the rest of the node stays"


@pytest.fixture(scope="module")
def lite() -> Sam2Segmenter:
    config = OmegaConf.load(CONF / "sam2_lite.yaml")
    return Sam2Segmenter(
        config.name,
        config.config,
        128,
        "random",
        OmegaConf.to_container(config.overrides),
        video_memory=False,
    )


@torch.no_grad()
def test_sam2_lite_has_a_timm_trunk_instead_of_hiera(lite):
    trunk = lite.model.image_encoder.trunk
    assert isinstance(trunk, TimmTrunk)
    assert trunk.model_name == "tf_efficientnet_lite0"
    maps = trunk(torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)))
    assert [tuple(level.shape[2:]) for level in maps] == [(32, 32), (16, 16), (8, 8), (4, 4)]
    assert [level.shape[1] for level in maps[::-1]] == trunk.channel_list == [320, 112, 40, 24]
    assert all(level.is_contiguous() for level in maps)


@torch.no_grad()
def test_sam2_lite_decodes_mask_prompts(lite):
    embedding = lite.encode(torch.rand(3, 90, 120, generator=torch.Generator().manual_seed(0)))
    assert [tuple(level.shape[2:]) for level in embedding.high_res] == [(32, 32), (16, 16)]
    prompts = some_prompts(5, 128)
    logits, iou = lite.decode_all(embedding, prompts)
    best_iou, best = iou[:, 1:].max(dim=1)
    found = lite.decode(embedding, prompts)
    torch.testing.assert_close(found.iou, best_iou, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found.logits, logits[torch.arange(5), best + 1], atol=1e-3, rtol=1e-3)
    parameters = sum(parameter.numel() for parameter in lite.parameters())
    assert 4e6 < parameters < 6.5e6
