"""Naive and optimised grid: equal results, and the amount of work of each."""

from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

from benchmarks.measure import counted_rows
from ntt.proposals import GridProposals, GuidedProposals, NaiveGridProposals
from ntt.segmenters import Sam2Segmenter, sam2_decoder

PATCHES = SimpleNamespace(similarity=torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(0)))


@pytest.fixture(scope="module")
def segmenter(project_root) -> Sam2Segmenter:
    config = OmegaConf.load(project_root / "conf" / "segmenter" / "sam2_nano.yaml")
    weights = project_root / "checkpoints" / "nano" / "sam2_nano.safetensors"
    return Sam2Segmenter(config.name, config.config, 512, weights, config.overrides)


@pytest.fixture(scope="module")
@torch.no_grad()
def embedding(segmenter):
    image = torch.zeros(3, 128, 128)
    image[0, 30:70, 30:70] = 1.0
    image[1, 80:120, 60:110] = 0.8
    return segmenter.encode(image)


@pytest.fixture
def drawn(monkeypatch) -> list[int]:
    """Record the number of masks that each batch upscales."""
    sizes = []
    draw = sam2_decoder._draw

    def counting(decoder, pixels, weights, high_res):
        sizes.append(len(pixels))
        return draw(decoder, pixels, weights, high_res)

    monkeypatch.setattr(sam2_decoder, "_draw", counting)
    return sizes


@torch.no_grad()
def test_naive_grid_gives_the_same_proposals_as_the_grid(segmenter, embedding):
    naive = NaiveGridProposals(12, min_iou=0.4)(segmenter, embedding, PATCHES)
    grid = GridProposals(12, min_iou=0.4)(segmenter, embedding, PATCHES)
    assert 0 < len(grid) < 144
    torch.testing.assert_close(naive.iou, grid.iou, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(naive.logits, grid.logits, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_grid_upscales_only_the_kept_masks(segmenter, embedding, drawn):
    """Speed regression check by counting prompts and upscaled masks instead of seconds."""
    with counted_rows(segmenter) as naive:
        NaiveGridProposals(None, min_iou=0.4)(segmenter, embedding, PATCHES)
    assert naive == {"prompted": 256, "upscaled": 256}, "each upscales four masks"
    assert sum(drawn) == 0

    with counted_rows(segmenter) as grid:
        kept = GridProposals(None, min_iou=0.4)(segmenter, embedding, PATCHES)
    assert grid == {"prompted": 256, "upscaled": 0}
    assert sum(drawn) == len(kept) < 256, "only kept masks, once each"

    drawn.clear()
    with counted_rows(segmenter) as guided:
        kept = GuidedProposals(max_prompts=96, focus=0.9, min_iou=0.4)(segmenter, embedding, PATCHES)
    assert 80 <= guided["prompted"] <= 96
    assert sum(drawn) == len(kept) <= guided["prompted"]
