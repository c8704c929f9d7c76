"""Tracking with SAM 2's memory of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.errors import InputError
from ntt.matching import COVERED, boxes_from_masks, coverage, resize_masks
from ntt.models import PrototypeMatching
from ntt.segmenters import Sam2Segmenter
from ntt.segmenters.base import square_image
from ntt.structures import Instances
from ntt.video.base import Tracker
from ntt.video.tracks import assign

MEMORY_OUTPUTS = ("maskmem_features", "maskmem_pos_enc", "obj_ptr")  # outputs that later frames attend to


@dataclass
class TrackedObject:
    """An object tracked by SAM 2.

    Attributes:
        id: identity of the object.
        label: class of the object.
        score: score of the last detection assigned to the object.
        last_seen: number of the last frame in which it was visible.
        memory: SAM 2's memory of the object.
    """

    id: int
    label: int
    score: float
    last_seen: int
    memory: ObjectMemory


class Sam2Tracker(Tracker):
    """Track every object with SAM 2 from the frame of its first detection; detections add new objects.

    For a known object, SAM 2's mask is used, and a detection updates only the score.

    Args:
        model: fitted model that detects the objects. Its segmenter is SAM 2 with a trained memory.
        settings: settings of :class:`Tracker`; at most ``max_objects`` objects are tracked at a time.

    Raises:
        InputError: the segmenter has no trained memory of frames.
    """

    def __init__(self, model: PrototypeMatching, **settings: Any) -> None:
        super().__init__(model, **settings)
        segmenter = model.segmenter
        if not isinstance(segmenter, Sam2Segmenter) or not segmenter.video_memory:
            raise InputError(
                f"tracking=sam2: the memory of segmenter {segmenter.name} was not trained on videos; "
                "use tracking=overlap or segmenter=sam2.1_large"
            )
        self.segmenter = segmenter
        self._objects: list[TrackedObject] = []
        self._next_id = 1

    def _follow(self, number: int, image: Tensor) -> tuple[Instances, Tensor]:
        seen = see(self.segmenter, number, image)
        masks = self._masks([each.memory.follow(seen) for each in self._objects], *image.shape[1:])
        found = self._detect(number, image)
        if found is not None:
            masks = self._update(seen, masks, found)
        return self._in_sight(number, masks)

    def _masks(self, logits: list[Tensor], height: int, width: int) -> Tensor:
        if not logits:
            return torch.zeros(0, height, width, dtype=torch.bool)
        return resize_masks(torch.stack(logits), height, width).cpu()

    def _update(self, seen: SeenFrame, masks: Tensor, found: Instances) -> Tensor:
        """Update scores, start tracking new detections, and return the masks of all objects."""
        labels = torch.tensor([each.label for each in self._objects], dtype=torch.int64)
        for row, column in assign(masks, labels, found.masks, found.labels, self.min_iou):
            self._objects[row].score = float(found.scores[column])
        known = (coverage(found.masks, masks) > COVERED).any(dim=1)
        new = found.subset(~known)
        new = new.subset(torch.arange(len(new)) < self.max_objects - len(self._objects))
        for mask, label, score in zip(new.masks, new.labels.tolist(), new.scores.tolist(), strict=True):
            memory = ObjectMemory(self.segmenter, seen, mask)
            self._objects.append(TrackedObject(self._next_id, label, score, seen.number, memory))
            self._next_id += 1
        return torch.cat([masks, new.masks])

    def _in_sight(self, number: int, masks: Tensor) -> tuple[Instances, Tensor]:
        """Return the objects with a mask, best first; drop objects that were invisible for too long."""
        visible = masks.flatten(1).any(dim=1)
        for each, is_visible in zip(self._objects, visible.tolist(), strict=True):
            each.last_seen = number if is_visible else each.last_seen
        shown = [each for each in self._objects if each.last_seen == number]
        self._objects = [each for each in self._objects if number - each.last_seen <= self.patience]
        scores = torch.tensor([each.score for each in shown])
        order = scores.argsort(descending=True, stable=True)
        instances = Instances(
            masks=masks[visible][order],
            boxes=boxes_from_masks(masks[visible])[order],
            scores=scores[order],
            labels=torch.tensor([each.label for each in shown], dtype=torch.int64)[order],
        )
        return instances, torch.tensor([each.id for each in shown], dtype=torch.int64)[order]


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
        self._outputs["cond_frame_outputs"][seen.number] = {key: output[key] for key in MEMORY_OUTPUTS}

    def __len__(self) -> int:
        """Return the number of stored frames."""
        return sum(map(len, self._outputs.values()))

    def follow(self, seen: SeenFrame) -> Tensor:
        """Predict mask logits ``(m, m)`` in the next frame; all negative if the object is hidden."""
        output = self._step(seen, None)
        recent = self._outputs["non_cond_frame_outputs"]
        recent[seen.number] = {key: output[key] for key in MEMORY_OUTPUTS}
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
