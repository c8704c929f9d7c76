"""Any timm model whose intermediate feature map makes a grid of patch features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn

from ntt.encoders.backbone import IMAGENET_MEAN, IMAGENET_STD, BackboneEncoder
from ntt.encoders.tensor_files import read_tensors
from ntt.encoders.weights import RANDOM, find_package_file
from ntt.errors import InputError


class TimmEncoder(BackboneEncoder):
    """The deepest feature map of a given stride, from a timm model.

    Runs in channels-last memory format, which is several times faster for convolutions on a CPU.

    Args:
        name: name of the variant, for messages and results.
        model_name: timm's name of the architecture.
        stride: pixels per cell of the feature map wanted; takes the part of a patch size.
        img_size: side in pixels that images are resized to; a multiple of the stride.
        weights: a file, ``pkg://PACKAGE/FILE`` for one inside an installed package, or ``random``.
            Its tensors are those of the timm model with its classifier, under timm's keys or in timm's order.
        mean: per-channel mean of the images the weights were trained on.
        std: the same for the standard deviation.

    Raises:
        InputError: unknown architecture or stride, unsuitable size, absent or unfitting weights.
    """

    def __init__(
        self,
        name: str,
        model_name: str,
        stride: int,
        img_size: int = 224,
        *,
        weights: str,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        backbone = _create(model_name)
        self._level = _level(backbone, model_name, stride)
        channels = backbone.feature_info[self._level]["num_chs"]
        source = None
        if weights != RANDOM:
            source = find_package_file(weights)
            _load(backbone, source, name)
        # Layers past the feature map are never run.
        backbone.prune_intermediate_layers([self._level], prune_norm=True, prune_head=True)
        super().__init__(
            name,
            cast(nn.Module, backbone).to(memory_format=torch.channels_last),
            embed_dim=channels,
            patch_size=stride,
            img_size=img_size,
            mean=mean,
            std=std,
            architecture={"model_name": model_name, "stride": stride},
            weights_file=source,
        )

    def forward(self, images: Tensor) -> Tensor:
        """See :meth:`ntt.encoders.base.Encoder.forward`."""
        pixels = self.normalise(images).contiguous(memory_format=torch.channels_last)
        (features,) = cast(Any, self.backbone).forward_intermediates(
            pixels, indices=[self._level], intermediates_only=True
        )
        return features.permute(0, 2, 3, 1)


def _create(model_name: str) -> Any:
    if not timm.is_model(model_name):
        raise InputError(f"Unknown timm model: {model_name}. List them with timm.list_models()")
    return timm.create_model(model_name)


def _level(backbone: Any, model_name: str, stride: int) -> int:
    """Index of the deepest feature map with this stride."""
    strides = [info["reduction"] for info in backbone.feature_info]
    if stride not in strides:
        choices = ", ".join(map(str, sorted(set(strides))))
        raise InputError(f"{model_name} has no feature map of stride {stride}; it has {choices}")
    return len(strides) - 1 - strides[::-1].index(stride)


def _load(backbone: nn.Module, path: Path, name: str) -> None:
    """Load strictly by key, or by position where a file has the same tensors under another project's keys."""
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
        raise InputError(f"{path} does not fit {name}: {len(problems)} keys differ, such as {some}")
    backbone.load_state_dict({key: tensor.to(expected[key].dtype) for key, tensor in tensors.items()})


def _same_order(tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Whether both list tensors of the same role (weight, bias, ...) and shape in the same order."""
    theirs = [(key.rsplit(".")[-1], tensor.shape) for key, tensor in tensors.items()]
    return theirs == [(key.rsplit(".")[-1], tensor.shape) for key, tensor in expected.items()]
