"""Training of a nano encoder: dense distillation, contrast between vendors, and class proxies.

The loss is the sum of three terms:

- ``2 (1 - cos)`` between a linear map of every patch and the teacher's standardised patch;
- InfoNCE (van den Oord et al., arXiv 1807.03748) between two vendors' drawings of a class, with features
  pooled inside the mask;
- cross entropy of the cosines between these features and one learned proxy per train class (Movshovitz-Attias
  et al., arXiv 1703.07464, with a softmax over all classes), which separates an object from all train classes
  and not only from those of its batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nano.backgrounds import Photographs
from nano.mosaics import MosaicBatch, Mosaics
from nano.muon import Muon
from nano.sprites import load_sprites
from nano.teacher import StandardisedTeacher
from nano.training_run import TrainingRun
from ntt.encoders.backbone import BackboneEncoder
from ntt.encoders.base import Encoder


class EncoderTraining:
    """Train ``encoder`` and write its weights to ``output``.

    Args:
        encoder: nano encoder with random weights.
        teacher: trained encoder.
        sprites: cache folder of the sprites.
        output: safetensors file of the final weights.
        folder: folder of checkpoint and log.
        minutes: wall-clock training time in minutes, over all resumed runs.
        grid: patches per side of a training image.
        layouts: objects per side of a mosaic; one value is drawn per step.
        images: images per step; every class occurs twice in them.
        layer_scale: initial LayerScale; the 1e-5 of the papers would need a million steps.
        temperature: temperature of InfoNCE and of the proxy loss.
        proxy_weight: weight of the proxy loss; the other two have weight 1.
        muon_lr: learning rate of Muon, for the matrices of the blocks.
        adamw_lr: learning rate of AdamW, for all other parameters.
        weight_decay: weight decay of both optimizers.
        photographs: folder of additional background photographs.
        start: checkpoint of an earlier run (with other images) from which the encoder is initialised.
        seed: random seed.
    """

    def __init__(
        self,
        encoder: BackboneEncoder,
        teacher: Encoder,
        sprites: str,
        output: str,
        folder: str,
        minutes: float,
        grid: int = 12,
        layouts: Sequence[int] = (1, 2, 2, 2),
        images: int = 16,
        layer_scale: float = 0.5,
        temperature: float = 0.1,
        proxy_weight: float = 0.5,
        muon_lr: float = 0.02,
        adamw_lr: float = 1e-3,
        weight_decay: float = 0.01,
        photographs: str | None = None,
        start: str | None = None,
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.encoder = encoder.train().requires_grad_(True)
        self.output = Path(output)
        self.layouts, self.images = list(layouts), images
        self.temperature, self.proxy_weight = temperature, proxy_weight
        self.student_size, self.teacher_size = grid * encoder.patch_size, grid * teacher.patch_size
        backgrounds = Photographs(Path(photographs)) if photographs else None
        self.mosaics = Mosaics(load_sprites(Path(sprites)), self.teacher_size, backgrounds)
        sample = self.mosaics.draw(np.random.default_rng(seed), classes=64, per_side=2)
        self.teacher = StandardisedTeacher(teacher, sample.images)
        self.to_teacher = nn.Linear(encoder.embed_dim, teacher.embed_dim)
        self.proxies = nn.Linear(encoder.embed_dim, len(self.mosaics.indices), bias=False)
        self.proxy_of = {int(index): row for row, index in enumerate(self.mosaics.indices)}
        if start:
            encoder.load_state_dict(torch.load(start, weights_only=True)["modules"]["encoder"])
        else:
            for parameter_name, parameter in encoder.named_parameters():
                if "gamma" in parameter_name:
                    nn.init.constant_(parameter, layer_scale)
        heads = {"to_teacher": self.to_teacher, "proxies": self.proxies}
        self.run_loop = TrainingRun(
            modules={"encoder": encoder, **heads},
            optimizers=_optimizers(encoder, heads.values(), muon_lr, adamw_lr, weight_decay),
            step=self.step,
            folder=Path(folder),
            minutes=minutes,
            seed=seed,
        )

    def run(self) -> None:
        """Train for the remaining minutes, then write the weights."""
        self.run_loop.run(save=lambda: self.run_loop.export(self.encoder.backbone, self.output))

    def step(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Process one batch; return the loss as ``loss`` and further values to log."""
        per_side = int(rng.choice(self.layouts))
        batch = self.mosaics.draw(rng, self.images * per_side**2 // 2, per_side)
        target = self.teacher(batch.images)
        images = batch.images
        if self.student_size != self.teacher_size:
            side = (self.student_size, self.student_size)
            images = F.interpolate(images, side, mode="bilinear", antialias=True)
        features = self.encoder(images)
        distil = 2 * (1 - F.cosine_similarity(self.to_teacher(features), target, dim=-1).mean())
        pooled = _pool(features, batch)
        contrast, accuracy = self._contrast(pooled, batch)
        rows = torch.tensor([self.proxy_of[int(index)] for index in batch.classes])
        cosines = pooled @ F.normalize(self.proxies.weight, dim=-1).T
        proxy = F.cross_entropy(cosines / self.temperature, rows)
        return {
            "loss": distil + contrast + self.proxy_weight * proxy,
            "distil": distil,
            "contrast": contrast,
            "accuracy": accuracy,
            "proxy": proxy,
        }

    def _contrast(self, pooled: Tensor, batch: MosaicBatch) -> tuple[Tensor, Tensor]:
        """Compute symmetric InfoNCE over the batch, and the accuracy of the nearest neighbour."""
        first, second = pooled.chunk(2)
        n = len(first)
        column = {int(c): i for i, c in enumerate(batch.classes[:n])}
        partner = torch.tensor([column[int(c)] for c in batch.classes[n:]])
        logits = second @ first.T / self.temperature
        loss = F.cross_entropy(logits, partner) + F.cross_entropy(logits.T, torch.argsort(partner))
        return loss / 2, (logits.argmax(1) == partner).float().mean()


def _pool(features: Tensor, batch: MosaicBatch) -> Tensor:
    """Compute L2-normalised mean features inside the masks, ``(2 N, C)``."""
    grid = features.shape[1]
    weights = F.interpolate(batch.masks[:, None], (grid, grid), mode="area")[:, 0]
    return F.normalize(torch.einsum("nhw,nhwc->nc", weights, features[batch.image_of]), dim=-1)


def _optimizers(
    encoder: BackboneEncoder,
    heads: Iterable[nn.Module],
    muon_lr: float,
    adamw_lr: float,
    weight_decay: float,
) -> list[torch.optim.Optimizer]:
    matrices = [p for name, p in encoder.named_parameters() if "blocks." in name and p.ndim == 2]
    chosen = {id(p) for p in matrices}
    rest = [p for module in (encoder, *heads) for p in module.parameters() if id(p) not in chosen]
    return [
        Muon(matrices, lr=muon_lr, weight_decay=weight_decay),
        torch.optim.AdamW(rest, lr=adamw_lr, weight_decay=weight_decay),
    ]
