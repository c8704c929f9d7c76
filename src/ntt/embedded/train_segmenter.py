"""Training of the nano segmenter on clicks.

As in Segment Anything (Kirillov et al., arXiv 2304.02643, section 3): focal loss times 20 plus dice loss on
the best of the three multi-mask outputs, and a squared error on the predicted IoU, here of all three. The two
other outputs count a little too (relaxed winner-takes-all, Rupprecht et al., arXiv 1612.00197, equation 9): a
click on an emoji means one thing, and three rivals of which each wins a third of the clicks learn slowly.
A click on a bare texture asks for a predicted IoU of zero, which is what lets a point grid reject background.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import sigmoid_focal_loss

from ntt.embedded.backgrounds import Photographs
from ntt.embedded.clicks import ClickScenes
from ntt.embedded.sprites import load_sprites
from ntt.embedded.training_run import TrainingRun
from ntt.segmenters.base import Prompts
from ntt.segmenters.sam2 import Sam2Segmenter

# Objects cover few pixels: with the usual 0.25 an untrained decoder soon answers "nothing" everywhere.
FOCAL_ALPHA = 0.75
OTHERS = 0.2  # share of the loss that is the mean of the three masks; the rest is the best one's
IOU_WEIGHT = 3.0  # the choice among three masks costs more here than their quality
CLICK_GAIN = 1.5  # attention falls to a fraction at about a tenth of the picture from the click
UNTRAINED = ("memory_attention", "memory_encoder", "obj_ptr", "mask_downsample")


class SegmenterTraining:
    """Trains ``segmenter`` and writes its weights to ``output``.

    Args:
        segmenter: a SAM 2 with random weights.
        sprites: cache folder of the sprites.
        output: safetensors file of the finished weights.
        folder: where checkpoint and log are kept.
        minutes: how long to train, in minutes of wall clock, over all resumed runs.
        scenes: scenes per step.
        clicks: clicks per scene.
        sides: smallest and largest side of an object, as a share of the scene's.
        background_clicks: share of the clicks that fall on bare texture.
        lr: learning rate of AdamW.
        weight_decay: of AdamW.
        decay: share of the minutes, at the end, over which the learning rate falls to zero; 0 keeps it.
        photographs: folder with photographs to use as backgrounds too.
        photograph_share: share of the scenes that have one.
        start: checkpoint of an earlier run (at another image size) to start from.
        seed: of all random choices.
    """

    def __init__(
        self,
        segmenter: Sam2Segmenter,
        sprites: str,
        output: str,
        folder: str,
        minutes: float,
        scenes: int = 4,
        clicks: int = 8,
        sides: Sequence[float] = (0.1, 0.45),
        background_clicks: float = 0.2,
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        decay: float = 0.45,
        photographs: str | None = None,
        photograph_share: float = 0.5,
        start: str | None = None,
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.segmenter, self.output, self.scenes, self.clicks = segmenter, Path(output), scenes, clicks
        if start:
            segmenter.model.load_state_dict(torch.load(start, weights_only=True)["modules"]["model"])
        else:
            look_where_the_click_is(segmenter.model.sam_mask_decoder.transformer)
        segmenter.model.train().requires_grad_(True)
        trained = []
        for name, parameter in segmenter.model.named_parameters():
            parameter.requires_grad_(not name.startswith(UNTRAINED))
            if parameter.requires_grad:
                trained.append(parameter)
        backgrounds = Photographs(Path(photographs)) if photographs else None
        sheet = load_sprites(Path(sprites))
        self.material = ClickScenes(
            sheet, backgrounds, (sides[0], sides[1]), background_clicks, photograph_share
        )
        self.run_loop = TrainingRun(
            modules={"model": segmenter.model},
            optimizers=[torch.optim.AdamW(trained, lr=lr, weight_decay=weight_decay)],
            step=self.step,
            folder=Path(folder),
            minutes=minutes,
            seed=seed,
            clip=1.0,
            decay=decay,
        )

    def run(self) -> None:
        """Train for the minutes that remain, then write the weights."""
        self.run_loop.run(save=lambda: self.run_loop.export(self.segmenter.model, self.output))

    def step(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One batch: the loss under ``loss``, beside it what is worth logging."""
        batch = self.material.draw(rng, self.scenes, self.clicks, self.segmenter.image_size)
        embedding = self.segmenter.encode_batch(batch.images)
        labels = torch.ones(len(batch.points), 1, dtype=torch.int32)
        logits, predicted = self.segmenter.decode_all(embedding, Prompts(batch.points, labels))
        logits, predicted = logits[:, 1:], predicted[:, 1:]
        target = F.interpolate(batch.masks[:, None], logits.shape[-2:], mode="area").expand_as(logits)
        iou = _iou(logits.detach() > 0, target > 0.5)
        focal = sigmoid_focal_loss(logits, target, alpha=FOCAL_ALPHA).mean((2, 3))
        per_mask = 20 * focal + _dice_loss(logits.sigmoid(), target)
        clicked = batch.on_object.float()
        relaxed = (1 - OTHERS) * per_mask.min(dim=1).values + OTHERS * per_mask.mean(dim=1)
        mask_loss = (relaxed * clicked).sum() / clicked.sum().clamp(min=1)
        iou_loss = F.mse_loss(predicted, iou)
        chosen = iou.gather(1, predicted.argmax(1, keepdim=True))[:, 0]
        return {
            "loss": mask_loss + IOU_WEIGHT * iou_loss,
            "mask": mask_loss,
            "iou_error": iou_loss,
            "chosen_iou": (chosen * clicked).sum() / clicked.sum().clamp(min=1),
            "best_iou": (iou.max(1).values * clicked).sum() / clicked.sum().clamp(min=1),
        }


def look_where_the_click_is(transformer: nn.Module) -> None:
    """Start every cross attention between tokens and image with equal query and key projections.

    Positions of the click and of the image are encoded alike, so equal projections make a click's token
    attend to the click's surroundings from the first step on. From independent projections the decoder first
    learns to paint whatever is salient, the same for every click, and takes long to leave that.
    """
    for name, module in transformer.named_modules():
        if name.endswith(
            ("cross_attn_token_to_image", "cross_attn_image_to_token", "final_attn_token_to_image")
        ):
            nn.init.orthogonal_(module.k_proj.weight, gain=CLICK_GAIN)
            nn.init.zeros_(module.k_proj.bias)
            module.q_proj.load_state_dict(module.k_proj.state_dict())


def _dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    """``(N, K, m, m)`` each, to ``(N, K)``."""
    overlap = (probability * target).sum((2, 3))
    return 1 - (2 * overlap + 1) / (probability.sum((2, 3)) + target.sum((2, 3)) + 1)


def _iou(mask: Tensor, target: Tensor) -> Tensor:
    """``(N, K, m, m)`` bool each, to ``(N, K)``; 0 where the target is empty."""
    union = (mask | target).sum((2, 3)).clamp(min=1)
    return (mask & target).sum((2, 3)) / union
