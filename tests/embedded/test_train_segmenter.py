import torch
from omegaconf import OmegaConf

from ntt.embedded.train_segmenter import _dice_loss, _iou, look_where_the_click_is
from ntt.segmenters import Prompts, Sam2Segmenter


def spread_over_clicks(segmenter) -> float:
    """How far masks of different clicks differ, compared with how far pixels of a mask do."""
    torch.manual_seed(0)
    embedding = segmenter.encode(torch.rand(3, 128, 128))
    points = torch.tensor([[[16.0, 16.0]], [[112.0, 16.0]], [[64.0, 64.0]], [[16.0, 112.0]]])
    logits, _ = segmenter.decode_all(embedding, Prompts(points, torch.ones(4, 1, dtype=torch.int32)))
    return float(logits.std(0).mean() / logits.std((2, 3)).mean())


@torch.no_grad()
def test_equal_projections_make_an_untrained_decoder_heed_the_click(project_root):
    config = OmegaConf.load(project_root / "conf/segmenter/sam2_nano.yaml")
    segmenter = Sam2Segmenter(config.name, config.config, 128, "random", overrides=config.overrides)
    before = spread_over_clicks(segmenter)
    look_where_the_click_is(segmenter.model.sam_mask_decoder.transformer)
    assert spread_over_clicks(segmenter) > 1.5 * before


def test_dice_loss_and_iou_on_halves():
    full = torch.ones(1, 1, 4, 4)
    half = full.clone()
    half[..., :2] = 0
    assert _iou(full > 0, half > 0).item() == 0.5
    assert _dice_loss(full, full).item() == 0
    assert torch.isclose(_dice_loss(full, half), torch.tensor(1 - (2 * 8 + 1) / (16 + 8 + 1)))
    assert _iou(torch.zeros_like(full) > 0, torch.zeros_like(full) > 0).item() == 0
