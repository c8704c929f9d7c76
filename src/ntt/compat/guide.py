"""Construction of models from the keyword arguments of the DINOv3 integration guide.

The guide and the configs of its code describe a model by dictionaries. This module maps their keys to the
option names of ``conf/``, for the constructors and for whole configs of that code
(``ntt.compat.legacy_config``). The table is in docs/integration_guide.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ntt.compat.key_tables import Rule, Translation, becomes, of_kind, only, translate, unused
from ntt.encoders import DINOv2, DINOv3
from ntt.encoders.checkpoints import look_up
from ntt.encoders.configs import DINOV2_CONFIGS, DINOV3_CONFIGS
from ntt.matching import CosineConfidence, Matcher, PairMatcher, PrototypeMatcher
from ntt.matching.scorers import ClassMean, NegativePenalty
from ntt.memory import ReferenceMemory
from ntt.proposals import AutomaticMaskProposals, GridProposals, ProposalStrategy
from ntt.segmenters import Sam2Segmenter

logger = logging.getLogger(__name__)
# Name in conf/segmenter -> config file in the sam2 package.
SEGMENTERS = {
    f"{release}_{size}": f"{release}/{release}_hiera_{letter}.yaml"
    for release in ("sam2", "sam2.1")
    for size, letter in (("tiny", "t"), ("small", "s"), ("base_plus", "b+"), ("large", "l"))
}
# Encoders that have another name in that code.
ENCODERS = {
    "dinov3_huge": "dinov3_huge_plus",
    "dinov3_sat_large": "dinov3_large",
    "dinov3_sat_7b": "dinov3_7b",
}
REQUIRED = {
    "segmenter": "sam2_cfg_file",
    "segmenter.weights": "sam2_ckpt_path",
    "encoder": "encoder_cfg.name",
    "encoder.weights": "encoder_ckpt_path",
}


def _segmenter(file: Any) -> Mapping[str, Any]:
    """Accept config names with or without a folder and with or without ``.yaml``."""
    known = {Path(config).name: name for name, config in SEGMENTERS.items()}
    name = Path(of_kind(file, str)).name.removesuffix(".yaml") + ".yaml"
    return {"segmenter": look_up("SAM 2", known, name)}


def _encoder(name: Any) -> Mapping[str, Any]:
    name = ENCODERS.get(of_kind(name, str), name)
    if name.lower().startswith("dinov2"):
        look_up("DINOv2", DINOV2_CONFIGS, name)
    else:
        look_up("DINOv3", DINOV3_CONFIGS, name)
    return {"encoder": name}


def _max_instances(number: Any) -> Mapping[str, Any]:
    """Set ``candidates`` too, because that code's NMS keeps eight times as many for the soft merging."""
    number = of_kind(number, int)
    return {"model.matcher.max_instances": number, "model.matcher.candidates": 8 * number}


SHARED: dict[str, Rule] = {
    "sam2_cfg_file": _segmenter,
    "sam2_ckpt_path": becomes("segmenter.weights", str),
    "encoder_cfg.name": _encoder,
    "encoder_cfg.img_size": becomes("encoder.img_size", int),
    "encoder_cfg.patch_size": becomes("encoder.patch_size", int),
    "encoder_ckpt_path": becomes("encoder.weights", str),
    "memory_bank_cfg.enable": only(True),
    "memory_bank_cfg.category_num": becomes("model.memory.max_classes", int),
    "memory_bank_cfg.length": becomes("model.memory.max_references", int),
    "memory_bank_cfg.length_negative": unused,
}
MASK_GENERATOR: dict[str, Rule] = {
    "points_per_side": becomes("model.proposals.points_per_side", int),
    "points_per_batch": becomes("model.proposals.points_per_batch", int),
    "pred_iou_thresh": becomes("model.proposals.pred_iou_thresh", float),
    "stability_score_thresh": becomes("model.proposals.stability_score_thresh", float),
    "stability_score_offset": becomes("model.proposals.stability_score_offset", float),
    "box_nms_thresh": becomes("model.proposals.box_nms_thresh", float),
    "mask_threshold": only(0.0),
    "point_grids": only(None),
    "use_m2m": only(False),
    "multimask_output": only(True),
    # That code's generator accepts these options but does not use them either.
    "crop_n_layers": unused,
    "crop_nms_thresh": unused,
    "crop_overlap_ratio": unused,
    "crop_n_points_downscale_factor": unused,
    "min_mask_region_area": unused,
    "output_mode": unused,
    "sel_stability_score_thresh": unused,
    "sel_pred_iou_thresh": unused,
    "sel_multimask_output": unused,
}
POINT_GRID: dict[str, Rule] = {
    "points_per_side": becomes("model.proposals.points_per_side", int),
    "iou_thr": becomes("model.proposals.min_iou", float),
    "nms_thr": becomes("model.matcher.nms_iou", float),
    "num_out_instance": _max_instances,
    "cls_num_per_mask": only(1),
    "with_negative_refs": only(False),
    "testing_point_bs": unused,
    "kmeans_k": unused,
    "n_pca_components": unused,
    "negative_score_thr": unused,
}
# Keys of the grid model only: names and drawing options of that code's results.
DRAWING = (
    "dataset_name",
    "exp_folder",
    "dataset_imgs_path",
    "class_names",
    "online_vis",
    "vis_thr",
    "test.imgs_path",
    "test.online_vis",
    "test.vis_thr",
)
DEFAULTS = {
    "segmenter.image_size": 1024,
    "model.memory.context_ratio": 0.2,
    "model.memory.batch_size": 8,
    "model.matcher.max_instances": 100,
}


@dataclass(frozen=True)
class Method:
    """One of that code's two models.

    Attributes:
        name: name in ``conf/model``.
        rules: translation rule of each key.
        proposals: builds the proposal strategy from the options under ``model.proposals``.
        matcher: builds the matcher from the options under ``model.matcher``.
        defaults: default values of all options, as in ``conf/``.
    """

    name: str
    rules: Mapping[str, Rule]
    proposals: Callable[..., ProposalStrategy]
    matcher: Callable[..., Matcher]
    defaults: Mapping[str, Any]


AUTOMATIC = Method(
    name="matching_baseline",
    rules={**SHARED, **{f"sam2_amg_cfg.{key}": rule for key, rule in MASK_GENERATOR.items()}},
    proposals=AutomaticMaskProposals,
    matcher=PairMatcher,
    defaults={
        **DEFAULTS,
        "model.proposals.points_per_side": None,
        "model.proposals.points_per_batch": 64,
        "model.proposals.pred_iou_thresh": 0.4,
        "model.proposals.stability_score_thresh": 0.5,
        "model.proposals.stability_score_offset": 1.0,
        "model.proposals.box_nms_thresh": 0.7,
        "model.memory.normalise": True,
    },
)
GRID = Method(
    name="matching_baseline_noamg",
    rules={
        **SHARED,
        **{f"sam2_infer_cfgs.{key}": rule for key, rule in POINT_GRID.items()},
        **dict.fromkeys(DRAWING, unused),
    },
    proposals=GridProposals,
    matcher=partial(PrototypeMatcher, confidence=CosineConfidence()),
    defaults={
        **DEFAULTS,
        "model.proposals.points_per_side": None,
        "model.proposals.min_iou": 0.4,
        "model.memory.normalise": False,
        "model.matcher.nms_iou": 0.5,
        "model.matcher.candidates": 800,
    },
)


def parts(method: Method, named: Mapping[str, Any]) -> dict[str, Any]:
    """Build the arguments of :class:`ntt.models.PrototypeMatching`.

    Args:
        method: defines the translation of the guide's keywords.
        named: these arguments themselves, or the keywords of the guide; dictionaries are not modified.

    Raises:
        InputError: missing, unknown or invalid keywords of the guide, or an error of a component.
    """
    if not named.keys() & {"sam2_cfg_file", "encoder_cfg"}:
        return dict(named)
    found = translate(named, method.rules)
    settle_encoder(found, "")
    for option, key in REQUIRED.items():
        if option not in found.options and not any(problem.startswith(key) for problem in found.problems):
            found.problems.append(f"{key} is missing")
    found.require_sound(method.name)
    if found.unused:
        logger.warning("%s: ignored keywords without a counterpart: %s", method.name, ", ".join(found.unused))
    return _build(method, found.options)


def settle_encoder(found: Translation, above: str) -> None:
    """Set the default image size, and compare the patch size with the encoder's own.

    Args:
        found: translation to complete; ``encoder.patch_size`` is removed and a mismatch is added to its
            problems.
        above: full key of the parent of ``encoder_cfg`` with a trailing dot, or an empty string.
    """
    asked = found.options.pop("encoder.patch_size", None)
    if "encoder" not in found.options:
        return
    found.options.setdefault("encoder.img_size", 224)
    name = found.options["encoder"]
    actual = (DINOV2_CONFIGS.get(name) or DINOV3_CONFIGS[name]).patch_size
    if asked not in (None, actual):
        found.problems.append(
            f"{above}encoder_cfg.patch_size: {asked}, but {name} has patches of {actual} pixels"
        )


def _build(method: Method, options: Mapping[str, Any]) -> dict[str, Any]:
    options = {**method.defaults, **options}

    def under(node: str) -> dict[str, Any]:
        return {key.removeprefix(node): value for key, value in options.items() if key.startswith(node)}

    encoder, segmenter = options["encoder"], options["segmenter"]
    return {
        "encoder": (DINOv2 if encoder in DINOV2_CONFIGS else DINOv3)(encoder, **under("encoder.")),
        "segmenter": Sam2Segmenter(segmenter, SEGMENTERS[segmenter], **under("segmenter.")),
        "proposals": method.proposals(**under("model.proposals.")),
        "memory": ReferenceMemory(**under("model.memory.")),
        "matcher": method.matcher(scorer=NegativePenalty(ClassMean(), sigma=0.8), **under("model.matcher.")),
    }
