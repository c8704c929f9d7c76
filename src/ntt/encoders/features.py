"""What of a backbone becomes features: which layers, how put together, in which precision."""

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
    """What every encoder with a backbone can be asked for.

    Attributes:
        layers: numbers of the layers whose features are taken, negative ones from the end.
        merge: how the features of several layers become one vector: ``mean``, ``concat``, or
            ``concat_normalised``, where each layer's are brought to length 1 first, for an equal say in a
            cosine.
        dtype: precision of weights and computation, ``float32`` or ``bfloat16``; features are float32.
        compile: whether torch.compile is applied; pays off over many images on a GPU.
        debias: removal of the positional component; None removes nothing.
    """

    layers: Sequence[int]
    merge: str
    dtype: str
    compile: bool
    debias: PositionalDebias | None


_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def float_type(options: FeatureOptions) -> torch.dtype:
    """The precision asked for.

    Raises:
        InputError: another one than ``float32`` or ``bfloat16``.
    """
    return _choose("dtype", _DTYPES, options.get("dtype", "float32"))


def cast(backbone: nn.Module, dtype: torch.dtype) -> None:
    """Change the precision of the weights in place.

    Buffers follow the weights that they are used with. A module that has none keeps its buffers as they are:
    rotary embeddings are computed from such, in float32.
    """
    for module in backbone.modules():
        weights = list(module.parameters(recurse=False))
        for parameter in weights:
            parameter.data = parameter.data.to(dtype)
        for key, buffer in list(module.named_buffers(recurse=False)) if weights else ():
            if buffer.is_floating_point():
                setattr(module, key, buffer.to(dtype))


def pick_layers(name: str, layers: Sequence[int], depth: int) -> tuple[int, ...]:
    """Numbers of the layers from 0, in their order.

    Raises:
        InputError: none, one twice, or one that does not exist.
    """
    asked = list(layers)
    numbers = {layer % depth for layer in asked if -depth <= layer < depth}
    if not asked or len(numbers) != len(asked):
        raise InputError(
            f"encoder.layers={asked} does not suit {name}: give one or more different ones "
            f"from 0 to {depth - 1}, or from the end from -1 to -{depth}"
        )
    return tuple(sorted(numbers))


def merging(merge: str) -> Callable[[Sequence[Tensor]], Tensor]:
    """The function that makes one feature map ``(B, h, w, C)`` of several.

    Raises:
        InputError: a word that is none of ``mean``, ``concat`` and ``concat_normalised``.
    """
    return _choose("merge", _MERGES, merge)


def merged_dim(merge: str, channels: Sequence[int]) -> int:
    """Channels of what :func:`merging` makes of maps with these channels.

    Raises:
        InputError: maps of different widths cannot be averaged.
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


def _choose(key: str, choices: Mapping[str, Choice], word: str) -> Choice:
    if word not in choices:
        raise InputError(f"encoder.{key}={word} is not known: use {' or '.join(choices)}")
    return choices[word]
