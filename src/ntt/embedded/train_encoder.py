"""Training of a nano encoder: dense distillation beside contrast between vendors.

The loss is ``2 (1 - cos)`` between a linear map of every patch and the teacher's standardised patch, plus
InfoNCE (van den Oord et al., arXiv 1807.03748) between two vendors' drawings of one class, features pooled
inside the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ntt.embedded.backgrounds import Photographs
from ntt.embedded.mosaics import MosaicBatch, Mosaics
from ntt.embedded.muon import Muon
from ntt.embedded.sprites import load_sprites
from ntt.embedded.teacher import StandardisedTeacher
from ntt.embedded.training_run import TrainingRun
from ntt.encoders.backbone import BackboneEncoder


class EncoderTraining:
    """Trains ``encoder`` and writes its weights to ``output``.

    Args:
        encoder: a nano encoder with random weights.
        teacher: a trained encoder of stride 16.
        sprites: cache folder of the sprites.
        output: safetensors file of the finished weights.
        folder: where checkpoint and log are kept.
        minutes: how long to train, in minutes of wall clock, over all resumed runs.
        grid: patches per side of a training picture.
        layouts: objects per side of a mosaic, one of them drawn for each step.
        classes: classes per step, each drawn twice.
        layer_scale: initial LayerScale; the papers' 1e-5 wants a million steps.
        temperature: of InfoNCE.
        muon_lr: learning rate of Muon for the matrices of the blocks.
        adamw_lr: learning rate of AdamW for the rest.
        weight_decay: of both.
        photographs: folder with photographs to use as backgrounds too.
        seed: of all random choices.
    """

    def __init__(
        self,
        encoder: BackboneEncoder,
        teacher: BackboneEncoder,
        sprites: str,
        output: str,
        folder: str,
        minutes: float,
        grid: int = 12,
        layouts: Sequence[int] = (1, 2, 2, 2),
        classes: int = 64,
        layer_scale: float = 0.5,
        temperature: float = 0.1,
        muon_lr: float = 0.02,
        adamw_lr: float = 1e-3,
        weight_decay: float = 0.01,
        photographs: str | None = None,
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.encoder = encoder.train().requires_grad_(True)
        self.output = Path(output)
        self.layouts, self.classes, self.temperature = list(layouts), classes, temperature
        self.student_size, self.teacher_size = grid * encoder.patch_size, grid * 16
        backgrounds = Photographs(Path(photographs)) if photographs else None
        self.mosaics = Mosaics(load_sprites(Path(sprites)), self.teacher_size, backgrounds)
        sample = self.mosaics.draw(np.random.default_rng(seed), classes=128, per_side=2)
        self.teacher = StandardisedTeacher(teacher, sample.images)
        self.to_teacher = nn.Linear(encoder.embed_dim, teacher.embed_dim)
        for parameter_name, parameter in encoder.named_parameters():
            if "gamma" in parameter_name:
                nn.init.constant_(parameter, layer_scale)
        self.run_loop = TrainingRun(
            modules={"encoder": encoder, "to_teacher": self.to_teacher},
            optimizers=_optimizers(encoder, self.to_teacher, muon_lr, adamw_lr, weight_decay),
            step=self.step,
            folder=Path(folder),
            minutes=minutes,
            seed=seed,
        )

    def run(self) -> None:
        """Train for the minutes that remain, then write the weights."""
        self.run_loop.run(save=lambda: self.run_loop.export(self.encoder.backbone, self.output))

    def step(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """One batch: the loss under ``loss``, beside it what is worth logging."""
        per_side = int(rng.choice(self.layouts))
        # A picture of one large object costs as much as one of four: fewer of them.
        classes = self.classes if per_side > 1 else self.classes // 2
        batch = self.mosaics.draw(rng, classes, per_side)
        target = self.teacher(batch.images)
        images = batch.images
        if self.student_size != self.teacher_size:
            side = (self.student_size, self.student_size)
            images = F.interpolate(images, side, mode="bilinear", antialias=True)
        features = self.encoder(images)
        distil = 2 * (1 - F.cosine_similarity(self.to_teacher(features), target, dim=-1).mean())
        contrast, accuracy = self._contrast(features, batch)
        return {"loss": distil + contrast, "distil": distil, "contrast": contrast, "accuracy": accuracy}

    def _contrast(self, features: Tensor, batch: MosaicBatch) -> tuple[Tensor, Tensor]:
        """InfoNCE over the batch, both ways, and how often the nearest neighbour is the right one."""
        grid = features.shape[1]
        weights = F.interpolate(batch.masks[:, None], (grid, grid), mode="area")[:, 0]
        pooled = torch.einsum("nhw,nhwc->nc", weights, features[batch.image_of])
        first, second = F.normalize(pooled, dim=-1).chunk(2)
        n = len(first)
        column = {int(c): i for i, c in enumerate(batch.classes[:n])}
        partner = torch.tensor([column[int(c)] for c in batch.classes[n:]])
        logits = second @ first.T / self.temperature
        loss = F.cross_entropy(logits, partner) + F.cross_entropy(logits.T, torch.argsort(partner))
        return loss / 2, (logits.argmax(1) == partner).float().mean()


def _optimizers(
    encoder: BackboneEncoder, head: nn.Module, muon_lr: float, adamw_lr: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    matrices = [p for name, p in encoder.named_parameters() if "blocks." in name and p.ndim == 2]
    chosen = {id(p) for p in matrices}
    rest = [p for p in (*encoder.parameters(), *head.parameters()) if id(p) not in chosen]
    return [
        Muon(matrices, lr=muon_lr, weight_decay=weight_decay),
        torch.optim.AdamW(rest, lr=adamw_lr, weight_decay=weight_decay),
    ]
