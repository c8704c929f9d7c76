"""Feature options of backbone encoders: selected layers, merging and precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ntt.encoders.debias import PositionalDebias
from ntt.errors import InputError

Choice = TypeVar("Choice")


class FeatureOptions(TypedDict, total=False):
    """Options of every backbone encoder.

    Attributes:
        layers: indices of the layers to use; negative indices count from the end.
        merge: how to combine the features of several layers: ``mean``, ``concat``, or ``concat_normalised``,
            which L2-normalises each layer first so that all layers weigh the same in a cosine.
        dtype: precision of weights and computation, ``float32`` or ``bfloat16``; features are float32.
        compile: whether to apply torch.compile; worthwhile for many images on a GPU.
        debias: removes the positional component; None disables debiasing.
    """

    layers: Sequence[int]
    merge: str
    dtype: str
    compile: bool
    debias: PositionalDebias | None


_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def float_type(options: FeatureOptions) -> torch.dtype:
    """Return the configured precision.

    Raises:
        InputError: ``dtype`` is neither ``float32`` nor ``bfloat16``.
    """
    return _choose("dtype", _DTYPES, options.get("dtype", "float32"))


def cast(backbone: nn.Module, dtype: torch.dtype) -> None:
    """Change the precision of the weights in place.

    Buffers are cast together with the weights of their module. Modules without weights keep their buffers,
    because rotary embeddings are computed from them in float32.
    """
    for module in backbone.modules():
        weights = list(module.parameters(recurse=False))
        for parameter in weights:
            parameter.data = parameter.data.to(dtype)
        for key, buffer in list(module.named_buffers(recurse=False)) if weights else ():
            if buffer.is_floating_point():
                setattr(module, key, buffer.to(dtype))


def pick_layers(name: str, layers: Sequence[int], depth: int) -> tuple[int, ...]:
    """Convert layer indices to sorted indices from 0.

    Raises:
        InputError: ``layers`` is empty, repeats a layer, or contains an index out of range.
    """
    asked = list(layers)
    numbers = {layer % depth for layer in asked if -depth <= layer < depth}
    if not asked or len(numbers) != len(asked):
        raise InputError(
            f"encoder.layers={asked} is invalid for {name}: use one or more distinct layers "
            f"from 0 to {depth - 1}, or from -1 to -{depth} to count from the end"
        )
    return tuple(sorted(numbers))


def merging(merge: str) -> Callable[[Sequence[Tensor]], Tensor]:
    """Return the function that merges several feature maps into one ``(B, h, w, C)``.

    Raises:
        InputError: ``merge`` is not ``mean``, ``concat`` or ``concat_normalised``.
    """
    return _choose("merge", _MERGES, merge)


def merged_dim(merge: str, channels: Sequence[int]) -> int:
    """Return the number of channels after :func:`merging` maps with these channels.

    Raises:
        InputError: ``mean`` of maps with different numbers of channels.
    """
    if merge != "mean":
        return sum(channels)
    if len(set(channels)) > 1:
        raise InputError(
            f"encoder.merge=mean cannot average layers of {' and '.join(map(str, channels))} channels: "
            "use encoder.merge=concat"
        )
    return channels[0]


def _mean(maps: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(maps)).mean(0)


def _concat(maps: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(maps), dim=-1)


def _concat_normalised(maps: Sequence[Tensor]) -> Tensor:
    return _concat([F.normalize(layer, dim=-1) for layer in maps])


_MERGES: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "mean": _mean,
    "concat": _concat,
    "concat_normalised": _concat_normalised,
}


def _choose(key: str, choices: Mapping[str, Choice], name: str) -> Choice:
    if name not in choices:
        raise InputError(f"encoder.{key}={name} is unknown: use {' or '.join(choices)}")
    return choices[name]
