"""Training of the embedded segmenters on prompts.

As in Segment Anything (Kirillov et al., arXiv 2304.02643, section 3), the loss is focal loss times 20 plus
dice loss on the best of the three multi-mask outputs, and a squared error on the predicted IoU, here of all
three. The other two outputs contribute with a small weight (relaxed winner-takes-all, Rupprecht et al., arXiv
1612.00197, equation 9): a click on an emoji has one correct mask, and three outputs that each win a third of
the clicks would learn slowly. The target IoU of a click on a plain texture is zero, which lets a point grid
reject background.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.ops import sigmoid_focal_loss

from nano.clicks import PromptBatch
from nano.training_run import TrainingRun
from ntt.encoders.timm_encoder import load_by_key_or_position
from ntt.encoders.weights import find_package_file
from ntt.segmenters.sam2 import Sam2Segmenter
from ntt.segmenters.timm_trunk import TimmTrunk

# Objects cover few pixels: with the usual 0.25 an untrained decoder soon answers "nothing" everywhere.
FOCAL_ALPHA = 0.75
IOU_WEIGHT = 3.0  # the choice among three masks costs more here than their quality
CLICK_GAIN = 1.5  # attention falls to a fraction at about a tenth of the image from the click
UNTRAINED = ("memory_attention", "memory_encoder", "obj_ptr", "mask_downsample")
TRUNK = "image_encoder.trunk."
FIRST_STAGES = tuple(f"{TRUNK}body.{stage}" for stage in ("conv_stem", "bn1", "blocks.0", "blocks.1"))


class Material(Protocol):
    """Generator of training scenes."""

    def draw(self, rng: np.random.Generator, scenes: int, size: int) -> PromptBatch:
        """Draw ``scenes`` scenes of ``size`` pixels."""


class SegmenterTraining:
    """Train ``segmenter`` and write its weights to ``output``.

    Args:
        segmenter: SAM 2 with random weights.
        material: generator of scenes with prompts.
        output: safetensors file of the final weights.
        folder: folder of checkpoint and log.
        minutes: wall-clock training time in minutes, over all resumed runs.
        scenes: scenes per step.
        lr: learning rate of AdamW.
        trunk_lr: learning rate of a pretrained trunk, whose first stages and batch norms are frozen; None
            trains the trunk like the rest.
        weight_decay: weight decay of AdamW.
        decay: final share of the minutes in which the learning rate decays to zero; 0 keeps it constant.
        start: initial weights: the checkpoint of an earlier run (at another image size), or a safetensors
            file, from which all matching tensors are loaded.
        trunk: weights of a timm trunk, ``pkg://PACKAGE/FILE``.
        others: weight of the mean loss of the three masks; the best mask's loss has weight ``1 - others``.
        seed: random seed.
    """

    def __init__(
        self,
        segmenter: Sam2Segmenter,
        material: Material,
        output: str,
        folder: str,
        minutes: float,
        scenes: int = 4,
        lr: float = 1e-3,
        trunk_lr: float | None = None,
        weight_decay: float = 0.01,
        decay: float = 0.45,
        start: str | None = None,
        trunk: str | None = None,
        others: float = 0.2,
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.segmenter, self.material, self.output, self.scenes = segmenter, material, Path(output), scenes
        self.others = others
        model = segmenter.model
        if start is None:
            look_where_the_click_is(model.sam_mask_decoder.transformer)
        elif start.endswith(".safetensors"):
            load_fitting(model, load_file(start))
        else:
            model.load_state_dict(torch.load(start, weights_only=True)["modules"]["model"])
        if trunk is not None:
            load_trunk(model.image_encoder.trunk, trunk)
        model.train().requires_grad_(True)
        if trunk_lr is not None:
            freeze_pretrained(model)
        pretrained: list[nn.Parameter] = []
        fresh: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(parameter.requires_grad and not name.startswith(UNTRAINED))
            if parameter.requires_grad:
                (pretrained if name.startswith(TRUNK) else fresh).append(parameter)
        groups: list[dict[str, Any]] = [
            {"params": fresh},
            {"params": pretrained, "lr": lr if trunk_lr is None else trunk_lr},
        ]
        self._drawer: ThreadPoolExecutor | None = None
        self._next: Future[PromptBatch] | None = None
        self.run_loop = TrainingRun(
            modules={"model": model},
            optimizers=[torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay)],
            step=self.step,
            folder=Path(folder),
            minutes=minutes,
            seed=seed,
            clip=1.0,
            decay=decay,
        )

    def run(self) -> None:
        """Train for the remaining minutes, then write the weights."""
        with ThreadPoolExecutor(1) as self._drawer:
            self.run_loop.run(save=lambda: self.run_loop.export(self.segmenter.model, self.output))

    def step(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Process one batch; return the loss as ``loss`` and further values to log."""
        batch = self._drawn(rng)
        embedding = self.segmenter.encode_batch(batch.images)
        answers = [self.segmenter.decode_all(embedding, group.prompts) for group in batch.groups]
        logits = torch.cat([logits[:, 1:] for logits, _ in answers])
        predicted = torch.cat([iou[:, 1:] for _, iou in answers])
        masks = torch.cat([group.masks for group in batch.groups])
        clicked = torch.cat([group.on_object for group in batch.groups]).float()
        target = F.interpolate(masks[:, None], logits.shape[-2:], mode="area").expand_as(logits)
        iou = _iou(logits.detach() > 0, target > 0.5)
        focal = sigmoid_focal_loss(logits, target, alpha=FOCAL_ALPHA).mean((2, 3))
        per_mask = 20 * focal + _dice_loss(logits.sigmoid(), target)
        relaxed = (1 - self.others) * per_mask.min(dim=1).values + self.others * per_mask.mean(dim=1)
        mask_loss = (relaxed * clicked).sum() / clicked.sum().clamp(min=1)
        iou_loss = F.mse_loss(predicted, iou)
        chosen = iou.gather(1, predicted.argmax(1, keepdim=True))[:, 0]
        sizes = [len(group.masks) for group in batch.groups]
        kinds = zip(chosen.split(sizes), clicked.split(sizes), strict=True)
        return {
            "loss": mask_loss + IOU_WEIGHT * iou_loss,
            "mask": mask_loss,
            "iou_error": iou_loss,
            "chosen_iou": (chosen * clicked).sum() / clicked.sum().clamp(min=1),
            "best_iou": (iou.max(1).values * clicked).sum() / clicked.sum().clamp(min=1),
            **{f"iou_{k}": (own * on).sum() / on.sum().clamp(min=1) for k, (own, on) in enumerate(kinds)},
        }

    def _drawn(self, rng: np.random.Generator) -> PromptBatch:
        """Return the batch drawn during the previous step, and start drawing the next one."""

        def draw() -> PromptBatch:
            return self.material.draw(rng, self.scenes, self.segmenter.image_size)

        if self._drawer is None:
            return draw()
        batch = (self._next or self._drawer.submit(draw)).result()
        self._next = self._drawer.submit(draw)
        return batch


def load_fitting(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load the tensors whose key and shape match ``model``; leave the others unchanged."""
    own = model.state_dict()
    fitting = {key: value for key, value in tensors.items() if key in own and own[key].shape == value.shape}
    model.load_state_dict(fitting, strict=False)


def load_trunk(trunk: TimmTrunk, weights: str) -> None:
    """Load the weights of a complete timm network, including its classifier, into a trunk of that network."""
    whole = timm.create_model(trunk.model_name)
    load_by_key_or_position(whole, find_package_file(weights), trunk.model_name)
    own = trunk.body.state_dict()
    trunk.body.load_state_dict({key: value for key, value in whole.state_dict().items() if key in own})


def freeze_pretrained(model: nn.Module) -> None:
    """Freeze the first stages of a pretrained trunk and the statistics of all batch norms.

    The first stages detect edges and colours, and their large maps take a third of a training step.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval().requires_grad_(False)
        if name in FIRST_STAGES:
            module.requires_grad_(False)


def look_where_the_click_is(transformer: nn.Module) -> None:
    """Initialise every cross attention between tokens and image with equal query and key projections.

    Clicks and image positions share the same encoding, so equal projections make the token of a click attend
    to the surroundings of the click from the first step. With independent projections, the decoder first
    learns to segment salient objects regardless of the click, and takes long to unlearn this.
    """
    for name, module in transformer.named_modules():
        if name.endswith(
            ("cross_attn_token_to_image", "cross_attn_image_to_token", "final_attn_token_to_image")
        ):
            nn.init.orthogonal_(module.k_proj.weight, gain=CLICK_GAIN)
            nn.init.zeros_(module.k_proj.bias)
            module.q_proj.load_state_dict(module.k_proj.state_dict())


def _dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    """Compute the dice loss of ``(N, K, m, m)`` each: ``(N, K)``."""
    overlap = (probability * target).sum((2, 3))
    return 1 - (2 * overlap + 1) / (probability.sum((2, 3)) + target.sum((2, 3)) + 1)


def _iou(mask: Tensor, target: Tensor) -> Tensor:
    """Compute the IoU of ``(N, K, m, m)`` bool each: ``(N, K)``; 0 if the target is empty."""
    union = (mask | target).sum((2, 3)).clamp(min=1)
    return (mask & target).sum((2, 3)) / union
