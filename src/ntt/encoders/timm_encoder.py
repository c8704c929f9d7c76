"""Encoder for timm models with intermediate feature maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ntt.encoders.backbone import BackboneEncoder
from ntt.encoders.features import FeatureOptions
from ntt.encoders.tensor_files import read_tensors
from ntt.encoders.weights import RANDOM, find_package_file
from ntt.errors import InputError
from ntt.optional import hidden
from ntt.options import AtLeastOne, Positive

with hidden("wandb"):  # timm.utils imports it, which takes seconds
    import timm

PRETRAINED = "pretrained"
_USUAL_STRIDE = 16


class TimmEncoder(BackboneEncoder):
    """Feature maps of selected strides from a timm model, by default the deepest of these maps.

    Runs in channels-last memory format, which is several times faster for convolutions on a CPU.

    Args:
        name: variant name, for messages and results.
        model_name: timm's name of the architecture.
        stride: pixels per cell of the candidate feature maps, one number or several. The finest one acts as
            the patch size; coarser maps are upsampled bilinearly to its grid. None uses the patch size of a
            vision transformer, and 16 for other architectures.
        img_size: side in pixels of the square input to which images are resized; a multiple of the finest
            stride.
        weights: a file, ``pkg://PACKAGE/FILE`` for a file inside an installed package, ``pretrained`` for
            timm's download, or ``random``. A file must contain the tensors of the timm model with its
            classifier, under timm's keys or in timm's order.
        mean: per-channel mean of the training images; None uses timm's value.
        std: per-channel standard deviation of the training images; None uses timm's value.
        **options: see :class:`ntt.encoders.features.FeatureOptions`; ``layers`` indexes the maps of these
            strides.

    Raises:
        InputError: unknown architecture or stride, invalid image size or options, missing or mismatched
            weights.
    """

    def __init__(
        self,
        name: str,
        model_name: str,
        stride: int | Sequence[int] | None = None,
        img_size: AtLeastOne = 224,
        *,
        weights: str,
        mean: Sequence[float] | None = None,
        std: Sequence[Positive] | None = None,
        **options: Unpack[FeatureOptions],
    ) -> None:
        backbone = _create(model_name, pretrained=weights == PRETRAINED)
        strides = _strides(backbone, model_name)
        wanted = _wanted(stride, strides)
        levels = _levels(strides, model_name, wanted)
        source = None
        if weights not in (RANDOM, PRETRAINED):
            source = find_package_file(weights)
            load_by_key_or_position(backbone, source, name)
        super().__init__(
            name,
            cast(nn.Module, backbone).to(memory_format=torch.channels_last),
            channels=[backbone.feature_info[level]["num_chs"] for level in levels],
            patch_size=wanted[0],
            img_size=img_size,
            mean=mean or backbone.pretrained_cfg["mean"],
            std=std or backbone.pretrained_cfg["std"],
            architecture={"model_name": model_name, "stride": wanted},
            weights_file=source,
            random_weights=weights == RANDOM,
            **options,
        )
        self._levels = [levels[layer] for layer in self.layers]
        self._enlarge = [strides[level] // self.patch_size for level in self._levels]
        # Only transformers need the last norm; in other networks it belongs to a layer that is not used.
        self._norm = _is_transformer(strides)
        # Layers past the feature map are never run.
        backbone.prune_intermediate_layers(self._levels, prune_norm=not self._norm, prune_head=True)

    def layer_maps(self, pixels: Tensor) -> Sequence[Tensor]:
        """See :meth:`ntt.encoders.backbone.BackboneEncoder.layer_maps`."""
        maps = cast(Any, self.backbone).forward_intermediates(
            pixels.contiguous(memory_format=torch.channels_last),
            indices=self._levels,
            norm=self._norm,
            intermediates_only=True,
        )
        grid = [math.ceil(side / self.patch_size) for side in pixels.shape[-2:]]
        maps = [_upsample(level, factor, grid) for level, factor in zip(maps, self._enlarge, strict=True)]
        return [features.permute(0, 2, 3, 1) for features in maps]


def _create(model_name: str, pretrained: bool) -> Any:
    if not timm.is_model(model_name):
        raise InputError(f"Unknown timm model: {model_name}. List them with timm.list_models()")
    try:
        # Vision transformers need this flag to accept other image sizes; other models reject the flag.
        try:
            return timm.create_model(model_name, pretrained=pretrained, dynamic_img_size=True)
        except TypeError:
            return timm.create_model(model_name, pretrained=pretrained)
    except Exception as error:  # timm passes on errors of the download, the hub client and torch
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        weights = PRETRAINED if pretrained else RANDOM
        raise InputError(
            f"timm cannot build {model_name} with encoder.weights={weights}: {why}; "
            "without network access, use a local file with encoder.weights=FILE"
        ) from error


def _strides(backbone: Any, model_name: str) -> list[int]:
    """Return the pixels per cell of each feature map."""
    if not hasattr(backbone, "forward_intermediates") or not backbone.feature_info:
        raise InputError(f"{model_name} has no intermediate feature maps: choose another timm model")
    return [info["reduction"] for info in backbone.feature_info]


def _is_transformer(strides: Sequence[int]) -> bool:
    """Whether all maps have the same stride, the patch size."""
    return len(strides) > 1 and len(set(strides)) == 1


def _wanted(stride: int | Sequence[int] | None, strides: Sequence[int]) -> list[int]:
    """Return the requested strides, finest first."""
    if stride is None:
        return [strides[0] if _is_transformer(strides) else _USUAL_STRIDE]
    return [stride] if isinstance(stride, int) else sorted(set(stride))


def _levels(strides: Sequence[int], model_name: str, wanted: Sequence[int]) -> list[int]:
    """Return the indices of the feature maps with these strides."""
    choices = ", ".join(map(str, sorted(set(strides))))
    for stride in wanted:
        if stride not in strides:
            raise InputError(f"{model_name} has no feature map of stride {stride}; it has {choices}")
    if not wanted:
        raise InputError(f"encoder.stride is empty: use one or more of {choices}")
    return [level for level, stride in enumerate(strides) if stride in wanted]


def _upsample(features: Tensor, factor: int, grid: Sequence[int]) -> Tensor:
    """Upsample ``(B, C, h, w)`` to the finest grid, keeping each cell at its position in the image.

    If its stride does not divide the image size, a coarse map extends past the image edge and is cropped.
    """
    if factor > 1:
        features = F.interpolate(features, scale_factor=factor, mode="bilinear", align_corners=False)
    return features[..., : grid[0], : grid[1]]


def load_by_key_or_position(backbone: nn.Module, path: Path, name: str) -> None:
    """Load a file strictly by key, or by position if it has the same tensors under another project's keys.

    Raises:
        InputError: the tensors do not match the backbone.
    """
    tensors = read_tensors(path)
    expected = backbone.state_dict()
    if tensors.keys() != expected.keys() and _same_order(tensors, expected):
        tensors = dict(zip(expected, tensors.values(), strict=True))
    problems = [
        key
        for key in expected.keys() | tensors.keys()
        if key not in expected or key not in tensors or expected[key].shape != tensors[key].shape
    ]
    if problems:
        some = ", ".join(sorted(problems)[:3])
        raise InputError(f"{path} does not match {name}: {len(problems)} keys differ, such as {some}")
    backbone.load_state_dict({key: tensor.to(expected[key].dtype) for key, tensor in tensors.items()})


def _same_order(tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Whether both contain tensors of the same role (weight, bias, ...) and shape in the same order."""
    theirs = [(key.rsplit(".")[-1], tensor.shape) for key, tensor in tensors.items()]
    return theirs == [(key.rsplit(".")[-1], tensor.shape) for key, tensor in expected.items()]
