import torch
from omegaconf import OmegaConf

from nano.train_segmenter import _dice_loss, _iou, look_where_the_click_is
from ntt.segmenters import Sam2Segmenter


@torch.no_grad()
def test_initial_attention_of_a_click_peaks_at_its_position(project_root):
    config = OmegaConf.load(project_root / "conf/segmenter/sam2_nano.yaml")
    segmenter = Sam2Segmenter(config.name, config.config, 256, "random", overrides=config.overrides)
    prompt_encoder, decoder = segmenter.model.sam_prompt_encoder, segmenter.model.sam_mask_decoder
    look_where_the_click_is(decoder.transformer)
    image_positions = prompt_encoder.get_dense_pe()[0].flatten(1).T
    cells = torch.tensor([[3, 5], [12, 2], [8, 8]])
    points = (cells.flip(1) * 16 + 8).float()[:, None]
    click = prompt_encoder.pe_layer.forward_with_coords(points, (256, 256))[:, 0]
    layers = [*decoder.transformer.layers]
    attentions = [layer.cross_attn_token_to_image for layer in layers]
    for attention in [*attentions, decoder.transformer.final_attn_token_to_image]:
        logits = attention.q_proj(click) @ attention.k_proj(image_positions).T
        assert logits.argmax(dim=1).tolist() == [row * 16 + column for row, column in cells.tolist()]


def test_dice_loss_and_iou_on_halves():
    full = torch.ones(1, 1, 4, 4)
    half = full.clone()
    half[..., :2] = 0
    assert _iou(full > 0, half > 0).item() == 0.5
    assert _dice_loss(full, full).item() == 0
    assert torch.isclose(_dice_loss(full, half), torch.tensor(1 - (2 * 8 + 1) / (16 + 8 + 1)))
    assert _iou(torch.zeros_like(full) > 0, torch.zeros_like(full) > 0).item() == 0
