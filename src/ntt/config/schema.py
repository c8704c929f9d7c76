"""Check a composed config before anything is loaded: types, ranges and unknown keys.

The options of a node with a ``_target_`` are the parameters of that class or function (``ntt.options``); all
others are in ``PLAIN_OPTIONS``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from ntt.config.messages import unknown_key
from ntt.errors import InputError
from ntt.options import AtLeastOne, Count, Option, Positive, Share, option, options_of

# Options without a target, of conf/train.yaml, predict.yaml and app.yaml and their groups.
PLAIN_OPTIONS: dict[str, Any] = {
    "seed": Annotated[int, Ge(0), Le(2**32 - 1)],  # the range of NumPy's seeds
    "score_threshold": Literal["auto"] | Share,
    "image_batch": AtLeastOne,
    "loader_workers": Count,
    "max_megapixels": Positive,
    "resume": bool | str,
    "strict": bool,
    "ntt.debug": bool,
    "cache.when": Literal["sweep", "always", "never"],
    "task.score_threshold": Share,
    "dataset.shots": AtLeastOne | None,
    "references": str | None,
    "reference_images": str | None,
    "images": str | None,
    "video": str | None,
    "batch_size": AtLeastOne,
    "device": str,
    "host": str,
    "port": Annotated[int, Ge(0), Le(65535)],
    "compare": list[str],
    "samples.examples": list[str],
    "samples.scenes": list[str],
}
PATHS = "paths."  # a group of text only
REFERENCE = re.compile(r"\$\{([\w.]+)")  # the key in "${key}", "${key.${choice}}" and "a/${key}"
ALIAS = re.compile(r"\$\{([\w.]+)\}")
MISSING = "???"


def check_config(cfg: DictConfig, overrides: Iterable[str] = ()) -> None:
    """Check all values and keys of a config and convert the values in place, for example ``no`` to False.

    Args:
        cfg: composed config.
        overrides: overrides that the user typed. A key that ``+key=value`` adds must be an option, or be used
            by an interpolation. Config files may have further keys.

    Raises:
        InputError: with one line per wrong value and per unknown key.
    """
    raw: Any = OmegaConf.to_container(cfg, resolve=False)
    added = {each.lstrip("+").partition("=")[0] for each in overrides if each.startswith("+")}
    problems = dict.fromkeys(_problems(cfg, raw, "", frozenset(REFERENCE.findall(str(raw))), added))
    if problems:
        raise InputError("\n".join(problems))


def _problems(
    cfg: DictConfig,
    node: dict[str, Any],
    path: str,
    referenced: frozenset[str],
    added: Collection[str],
    opaque: bool = False,
) -> Iterator[str]:
    """Check the values below a node.

    Args:
        cfg: the whole config.
        node: content of the node, without resolved interpolations.
        path: key of the node.
        referenced: keys that interpolations use.
        added: keys that the user added.
        opaque: the node is a mapping that some target takes as a whole, so its own keys are free.
    """
    target = _target(cfg, node, path)
    options, others = ({}, Any) if target is None else options_of(target)
    for key, value in node.items():
        full = f"{path}.{key}" if path else str(key)
        if str(key).startswith("_"):
            continue
        # A target that ignores keywords, as datasets do, gets those that other values refer to.
        unused = others is object and full in added and not _is_referenced(full, referenced)
        if key not in options and (others is None or unused):
            yield unknown_key(full, list(options))
        elif isinstance(value, dict):
            yield from _problems(cfg, value, full, referenced, added, opaque or target is not None)
        elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
            for index, each in enumerate(value):
                if isinstance(each, dict):
                    yield from _problems(cfg, each, f"{full}.{index}", referenced, added)
        elif key in options:
            yield from _convert(cfg, full, value, options[str(key)])
        elif full in PLAIN_OPTIONS or full.startswith(PATHS):
            yield from _convert(cfg, full, value, option(PLAIN_OPTIONS.get(full, str | None)))
        elif target is None and full in added and not opaque and not _is_referenced(full, referenced):
            yield unknown_key(full, [str(each) for each in node if each != key])


def _target(cfg: DictConfig, node: dict[str, Any], path: str) -> Any:
    """Return the class or function that a node builds; None if it builds nothing, or cannot be imported."""
    if "_target_" not in node:
        return None
    try:
        return get_object(OmegaConf.select(cfg, f"{path}._target_"))
    except Exception:  # an import may raise anything; Hydra reports it when it builds the object
        return None


def _convert(cfg: DictConfig, path: str, value: Any, checked: Option | None) -> Iterator[str]:
    """Check a value and store its converted form under the key that the user sets."""
    if checked is None or value == MISSING:
        return
    path = _source(cfg, path, value)
    try:
        given = OmegaConf.select(cfg, path)
    except OmegaConfBaseException:
        return  # reported when the value is used
    if isinstance(given, DictConfig):
        return
    given = OmegaConf.to_object(given) if OmegaConf.is_config(given) else given
    try:
        converted = checked.convert(given, path)
    except InputError as error:
        yield str(error)
        return
    plain = str(converted) if isinstance(converted, Path) else converted
    plain = list(plain) if isinstance(plain, tuple) else plain
    # A float stays where an integer was written: 64 means 64.0, but 64.0 has to become 64.
    if plain != given or (not isinstance(plain, float) and repr(plain) != repr(given)):
        with flag_override(cfg, ["struct", "readonly"], False):
            OmegaConf.update(cfg, path, plain, merge=False)


def _source(cfg: DictConfig, path: str, value: Any) -> str:
    """Follow interpolations of a whole value, ``${key}``, to the key that holds it."""
    while isinstance(value, str) and (alias := ALIAS.fullmatch(value)):
        parent, _, key = alias.group(1).rpartition(".")
        node = OmegaConf.select(cfg, parent) if parent else cfg
        if not isinstance(node, DictConfig) or key not in node:
            break
        path = alias.group(1)
        value = OmegaConf.to_container(node, resolve=False)[key]  # type: ignore[index]
    return path


def _is_referenced(path: str, referenced: frozenset[str]) -> bool:
    """Return whether an interpolation uses a key, also as an entry of a table: ``${table.${choice}}``."""
    return any(path == key or (key.endswith(".") and path.startswith(key)) for key in referenced)
