"""Proposals of SAM 2's automatic mask generator."""

from __future__ import annotations

from typing import Any

import torch

from ntt.matching.patches import Patches
from ntt.options import AtLeastOne, Share
from ntt.proposals.grid import SPACING
from ntt.segmenters.base import ImageEmbedding, Proposals, Segmenter
from ntt.segmenters.sam2 import Sam2Segmenter


class AutomaticMaskProposals:
    """Proposals of the ``sam2`` package's ``SAM2AutomaticMaskGenerator`` at mask decoder resolution.

    The generator prompts with a grid of points and keeps all three masks per point. It drops masks with a low
    predicted IoU or an unstable edge, then suppresses the worse of two masks whose boxes overlap.

    It reuses the existing image embedding and works on the segmenter's square input at mask grid resolution,
    so nothing is encoded twice and no mask is upscaled. Crops and hole filling are therefore not available.

    Args:
        points_per_side: prompts along each side of the square input; None uses one every 32 pixels.
        points_per_batch: prompts decoded per batch.
        pred_iou_thresh: masks with a predicted IoU not above this threshold are dropped.
        stability_score_thresh: masks are dropped if the IoU of the masks at a higher and a lower cutoff is
            below this threshold.
        stability_score_offset: distance of both cutoffs from 0.
        box_nms_thresh: box IoU above which the worse of two masks is dropped.
    """

    needs_segmenter = True

    def __init__(
        self,
        points_per_side: AtLeastOne | None,
        points_per_batch: AtLeastOne,
        pred_iou_thresh: float,
        stability_score_thresh: float,
        stability_score_offset: float,
        box_nms_thresh: Share,
    ) -> None:
        self.points_per_side = points_per_side
        self.options = {
            "points_per_batch": points_per_batch,
            "pred_iou_thresh": pred_iou_thresh,
            "stability_score_thresh": stability_score_thresh,
            "stability_score_offset": stability_score_offset,
            "box_nms_thresh": box_nms_thresh,
        }
        self._generator: Any = None
        self._built_for: Segmenter | None = None

    @property
    def cache_key(self) -> str | None:
        """See :class:`ntt.proposals.ProposalStrategy`."""
        return f"{type(self).__name__} {self.points_per_side} {self.options}"

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """Return the generator's masks, sorted by predicted IoU, for any class."""
        assert isinstance(segmenter, Sam2Segmenter), "the generator is SAM 2's"
        assert embedding is not None
        if self._built_for is not segmenter:
            self._generator, self._built_for = self._build(segmenter), segmenter
        self._generator.predictor.embedding = embedding
        side = segmenter.mask_size
        with segmenter.precision():
            found = self._generator._generate_masks(torch.empty(side, side, 3).numpy())
        device = embedding.features.device
        logits = torch.as_tensor(found["low_res_masks"], device=device).reshape(-1, side, side)
        return Proposals(logits, torch.as_tensor(found["iou_preds"], device=device).reshape(-1))

    def _build(self, segmenter: Sam2Segmenter) -> Any:
        # Imported late, because only build_sam2 may import the package first.
        from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator

        per_side = self.points_per_side or segmenter.image_size // SPACING
        generator = SAM2AutomaticMaskGenerator(segmenter.model, points_per_side=per_side, **self.options)
        generator.predictor = _embedded_predictor(segmenter.model)
        return generator


def _embedded_predictor(model: Any) -> Any:
    """Return the package's predictor, modified to use a given embedding instead of encoding the image."""
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    class EmbeddedPredictor(SAM2ImagePredictor):
        embedding: ImageEmbedding

        def set_image(self, image: Any) -> None:
            self.reset_predictor()
            self._orig_hw = [image.shape[:2]]
            self._features = {
                "image_embed": self.embedding.features,
                "high_res_feats": list(self.embedding.high_res),
            }
            self._is_image_set = True

    return EmbeddedPredictor(model)
