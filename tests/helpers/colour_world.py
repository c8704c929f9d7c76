"""Toy encoder and segmenter that recognise coloured objects on grey, for known results."""

import torch
import torch.nn.functional as F

from ntt.encoders.base import Encoder
from ntt.matching import CosineConfidence, PrototypeMatcher
from ntt.matching.scorers import ClassMean, NegativePenalty
from ntt.memory import ReferenceMemory
from ntt.models import Sam2MatchingBaselineNoAMG
from ntt.proposals import GridProposals
from ntt.segmenters import ImageEmbedding, Prompts, Proposals, Segmenter
from ntt.structures import Reference

GREY = 0.5
RED, BLUE, GREEN = (1.0, 0.2, 0.2), (0.2, 0.2, 1.0), (0.2, 1.0, 0.2)


class ColourEncoder(Encoder):
    """Encode each patch as its mean colour minus grey."""

    name, embed_dim, patch_size, img_size, fingerprint = "colour", 3, 4, 64, "colour"

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, images):
        return F.avg_pool2d(images * self.weight - GREY, 4).permute(0, 2, 3, 1)


class ColourSegmenter(Segmenter):
    """Segment all pixels of the colour at the prompt; the predicted IoU is low on grey."""

    name, image_size, mask_size, fingerprint = "colour", 64, 32, "colour"

    def encode(self, image):
        small = F.interpolate(image[None], (self.mask_size, self.mask_size), mode="area")
        return ImageEmbedding(small, ())

    def decode(self, embedding, prompts: Prompts, min_iou=-1.0):
        x, y = (prompts.points[:, 0] / 2).long().unbind(dim=1)
        picture = embedding.features[0]
        colours = picture[:, y, x].T[:, :, None, None]
        logits = 0.15 - (picture[None] - colours).abs().amax(dim=1)
        iou = (colours[:, :, 0, 0] - GREY).abs().amax(dim=1) * 2
        return Proposals(logits[iou > min_iou], iou[iou > min_iou])


def model(min_iou: float = 0.4, **options) -> Sam2MatchingBaselineNoAMG:
    return Sam2MatchingBaselineNoAMG(
        ColourEncoder(),
        ColourSegmenter(),
        GridProposals(16, min_iou),
        ReferenceMemory(0.2, 2),
        PrototypeMatcher(NegativePenalty(ClassMean(), 0.8), CosineConfidence(), 0.5, 800, 100),
        **options,
    )


def canvas(height: int, width: int) -> torch.Tensor:
    return torch.full((3, height, width), GREY)


def paint(
    image: torch.Tensor, colour: tuple[float, float, float], rows: slice, columns: slice
) -> torch.Tensor:
    image[:, rows, columns] = torch.tensor(colour)[:, None, None]
    mask = torch.zeros(image.shape[1:], dtype=torch.bool)
    mask[rows, columns] = True
    return mask


def references() -> list[Reference]:
    found = []
    for label, colour in enumerate((RED, BLUE)):
        for side in (20, 30, 40):
            image = canvas(60, 80)
            mask = paint(image, colour, slice(5, 5 + side), slice(10, 10 + side))
            found.append(Reference(image, mask, label))
    return found
