"""The decoder for many prompts, compared with the package's decoder."""

import pytest
import torch
from torch import nn

from ntt.segmenters import Prompts, Sam2Segmenter


@pytest.fixture(scope="module", params=["sam2/sam2_hiera_t.yaml", "sam2.1/sam2.1_hiera_t.yaml"])
def full_width(request) -> Sam2Segmenter:
    """The official decoder at full width, on a small image."""
    segmenter = Sam2Segmenter("wide", request.param, 128, "random", prompt_memory=1e-4)
    torch.manual_seed(0)
    for name, parameter in segmenter.model.sam_mask_decoder.named_parameters():
        if parameter.ndim > 1 and "token" not in name:
            nn.init.normal_(parameter, std=1.5 * parameter.shape[-1] ** -0.5)
        elif "norm" in name:
            nn.init.normal_(parameter, mean=1.0, std=0.2)
    return segmenter


@pytest.mark.parametrize("labels", [[1], [1, 0], [2, 3], [2, 3, 0]], ids=str)
@pytest.mark.parametrize("quantile", [0.0, 0.5, 1.0])
@torch.no_grad()
def test_decode_best_agrees_with_the_packages_decoder(full_width, labels, quantile):
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(9, len(labels), 2, generator=generator) * 128
    prompts = Prompts(points, torch.tensor([labels] * 9))
    embedding = full_width.encode(torch.rand(3, 128, 128, generator=generator))
    logits, iou = full_width.decode_all(embedding, prompts)
    best_iou, best = iou[:, 1:].max(dim=1)
    min_iou = float(best_iou.quantile(quantile)) + (1e-3 if quantile == 1.0 else -1e-4)

    proposals = full_width.decode(embedding, prompts, min_iou)
    kept = torch.nonzero(best_iou > min_iou)[:, 0]
    assert len(kept) == {0.0: 9, 0.5: 5, 1.0: 0}[quantile]
    torch.testing.assert_close(proposals.iou, best_iou[kept], atol=1e-4, rtol=1e-4)
    expected = logits[kept, best[kept] + 1]
    torch.testing.assert_close(proposals.logits, expected, atol=1e-4 * float(logits.abs().max()), rtol=1e-4)
