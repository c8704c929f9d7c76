"""Streaming version of SAM 2's memory of an object (Ravi et al., arXiv 2408.00714, section 4).

The package's ``SAM2VideoPredictor`` requires a folder of JPEGs or an MP4, and keeps all frames and outputs in
memory. This module calls its ``track_step`` frame by frame and drops outputs that no later frame can attend
to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.segmenters import Sam2Segmenter
from ntt.segmenters.base import square_image

REMEMBERED = ("maskmem_features", "maskmem_pos_enc", "obj_ptr")  # outputs that later frames attend to


@dataclass(frozen=True)
class SeenFrame:
    """Features of a frame, independent of objects.

    Attributes:
        number: frame number.
        features: arguments of ``track_step`` that describe the frame.
    """

    number: int
    features: dict[str, Any]


@torch.no_grad()
def see(segmenter: Sam2Segmenter, number: int, image: Tensor) -> SeenFrame:
    """Encode a frame ``(3, H, W)`` float in [0, 1]."""
    square = square_image(image.to(segmenter.mean), segmenter.image_size)
    with segmenter.precision():
        levels = segmenter.model.forward_image((square[None] - segmenter.mean) / segmenter.std)
        _, features, positions, sizes = segmenter.model._prepare_backbone_features(levels)
    names = ("current_vision_feats", "current_vision_pos_embeds", "feat_sizes")
    return SeenFrame(number, dict(zip(names, (features, positions, sizes), strict=True)))


class ObjectMemory:
    """SAM 2's memory of one object.

    Args:
        segmenter: segmenter with a trained memory.
        seen: frame in which the object was detected.
        mask: ``(H, W)`` bool, mask of the object in that frame.
    """

    def __init__(self, segmenter: Sam2Segmenter, seen: SeenFrame, mask: Tensor) -> None:
        self.segmenter = segmenter
        sam = segmenter.model
        # Spatial memories cover the last frames with a stride; object pointers cover more frames.
        self._horizon = max(
            sam.num_maskmem * sam.memory_temporal_stride_for_eval, sam.max_obj_ptrs_in_encoder
        )
        self._outputs: dict[str, dict[int, Any]] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
        square = F.interpolate(
            mask[None, None].to(segmenter.mean),
            (segmenter.image_size, segmenter.image_size),
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
        output = self._step(seen, (square >= 0.5).float())
        self._outputs["cond_frame_outputs"][seen.number] = {key: output[key] for key in REMEMBERED}

    def __len__(self) -> int:
        """Return the number of stored frames."""
        return sum(map(len, self._outputs.values()))

    def follow(self, seen: SeenFrame) -> Tensor:
        """Predict mask logits ``(m, m)`` in the next frame; all negative if the object is hidden."""
        output = self._step(seen, None)
        recent = self._outputs["non_cond_frame_outputs"]
        recent[seen.number] = {key: output[key] for key in REMEMBERED}
        recent.pop(seen.number - self._horizon, None)
        logits: Tensor = output["pred_masks"][0, 0].float()
        return logits

    @torch.no_grad()
    def _step(self, seen: SeenFrame, mask: Tensor | None) -> dict[str, Any]:
        with self.segmenter.precision():
            output: dict[str, Any] = self.segmenter.model.track_step(
                frame_idx=seen.number,
                is_init_cond_frame=mask is not None,
                point_inputs=None,
                mask_inputs=mask,
                output_dict=self._outputs,
                num_frames=seen.number + 1,
                **seen.features,
            )
        # Stored in bfloat16, as in the package's predictor.
        output["maskmem_features"] = output["maskmem_features"].to(torch.bfloat16)
        return output
