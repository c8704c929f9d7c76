"""One-line descriptions of errors in a command line or a config."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationKeyError,
    OmegaConfBaseException,
)

from ntt.errors import InputError, did_you_mean
from ntt.optional import DISTRIBUTION

# Errors caused by the input of the user, reported in one line.
USER_ERRORS = (InputError, HydraException, OmegaConfBaseException)
MAX_LINES = 10
# Names of encoder families in messages, by the prefix of the option.
ENCODER_FAMILIES = {"dinov2": "DINOv2 model", "dinov3": "DINOv3 model"}
# Config options that an optional package provides, and the extra of ntt that installs it.
EXTRAS = {
    "hydra/launcher/submitit_slurm": "cluster",
    "hydra/launcher/joblib": "cluster",
    "hydra/launcher/ray": "ray",
}
# `lightning` is a second copy of the code of pytorch_lightning, with other classes.
OTHER_COPY = "lightning"
USE_OURS = f"use pytorch_lightning in place of {OTHER_COPY}"
# Config keys of earlier versions, and their present names.
RENAMED = {
    "callbacks.ceilings": "callbacks.oracle",
    "limits.pictures": "limits.images",
    "nano.pictures": "nano.images",
    "needs": "download",
    "hydra.callbacks.own_device": "hydra.callbacks.gpu_assignment",
}


def describe(error: BaseException) -> str:
    """Describe an error to the user in one line, with a suggestion if a similar name exists.

    An InputError that lists several problems gets one line for each.
    """
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, InputError):
            return _few_lines(cause)
    for cause in chain:
        if isinstance(cause, MissingConfigException) and cause.missing_cfg_file:
            return _unknown_option(cause.missing_cfg_file, cause.options or ())
        if isinstance(cause, ConfigKeyError | ConfigAttributeError) and cause.full_key:
            return _unknown_key(cause)
        if isinstance(cause, InterpolationKeyError) and cause.parent_node is not None:
            return _unknown_choice(cause)
        if isinstance(cause, ConfigCompositionException) and (deleted := _deleted(cause)) in RENAMED:
            return _renamed(deleted)
        if isinstance(cause, OverrideParseException):
            return f"Cannot parse the override {cause.override!r}: write group=option or path.to.key=value"
    if isinstance(error, InstantiationException) and len(chain) > 1:
        where = [line.removeprefix("full_key: ") for line in str(error).splitlines() if "full_key:" in line]
        line = f"{where[0] if where else 'config'}: {_one_line(chain[-1])}"
        absent = chain[-1].name if isinstance(chain[-1], ModuleNotFoundError) else None
        return f"{line}; {USE_OURS}" if absent == OTHER_COPY else line
    return _one_line(error)


def require_values(cfg: DictConfig) -> None:
    """Raise InputError for a key of an earlier version and for missing required values (``???``)."""
    for key in RENAMED:
        if OmegaConf.select(cfg, key, throw_on_missing=False) is not None:
            raise InputError(_renamed(key))
    missing = sorted(OmegaConf.missing_keys(cfg))
    if missing:
        raise InputError("; ".join(f"{key} has no value: add {key}=<value>" for key in missing))


def require_pytorch_lightning(key: str, built: object) -> None:
    """Raise InputError if an object has a class of ``lightning``, which pytorch_lightning does not recognise.

    Args:
        key: Config key from which the object was built.
        built: Callback, logger or trainer.
    """
    kind = type(built)
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] == OTHER_COPY:
            inherits = "" if base is kind else f"{kind.__module__}.{kind.__qualname__} inherits from "
            raise InputError(f"{key}: {inherits}{base.__module__}.{base.__qualname__}; {USE_OURS}")


def _causes(error: BaseException) -> Iterable[BaseException]:
    """Yield the error and its causes, outermost first."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _few_lines(error: InputError) -> str:
    """Return the problems, one per line, at most ``MAX_LINES`` of them."""
    lines = str(error).splitlines()
    more = [f"... and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else []
    return "\n".join([*lines[:MAX_LINES], *more])


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _deleted(error: ConfigCompositionException) -> str:
    """Return the key of a ``~key`` that does not exist; empty for other errors."""
    found = re.fullmatch(r"Could not delete from config\. '(.+)' does not exist\.", str(error))
    return found.group(1) if found else ""


def _renamed(key: str) -> str:
    return f"{key} is now {RENAMED[key]}; use the new name"


def _unknown_option(missing: str, options: Iterable[str]) -> str:
    if missing.replace("/", ".") in RENAMED:
        return _renamed(missing.replace("/", "."))
    if missing in EXTRAS:
        install = f"pip install '{DISTRIBUTION}[{EXTRAS[missing]}]'"
        return f"{missing} needs a package that is not installed: {install}"
    group, _, option = missing.rpartition("/")
    known = sorted(options)
    kind = ENCODER_FAMILIES.get(option.lower()[:6], group) if group == "encoder" else group
    return f"Unknown {kind}: {option}. {did_you_mean(option, known)}"


def _unknown_choice(error: InterpolationKeyError) -> str:
    """Describe a choice in ``${table.${choice}}`` that the table lacks, with the known choices."""
    quoted = re.search(r"'(.+)'", str(error))
    node, path = error.parent_node._get_root(), quoted.group(1).split(".") if quoted else []
    for depth, key in enumerate(path):
        if not isinstance(node, DictConfig) or key not in node:
            known = [str(name) for name in node] if isinstance(node, DictConfig) else []
            return f"Unknown {'.'.join(path[:depth])}: {key}. {did_you_mean(key, known)}"
        node = node[key]
    return _one_line(error)


def _unknown_key(error: ConfigKeyError | ConfigAttributeError) -> str:
    if error.full_key in RENAMED:
        return _renamed(str(error.full_key))
    siblings = error.parent_node if isinstance(error.parent_node, DictConfig) else ()
    return unknown_key(str(error.full_key), [str(name) for name in siblings if name != "hydra"])


def unknown_key(path: str, known: Sequence[str]) -> str:
    """Describe a key that does not exist.

    Args:
        path: the whole key.
        known: names of the keys beside it.
    """
    parent, _, key = path.rpartition(".")
    close = get_close_matches(key, known, n=1)
    prefix = f"{parent}." if parent else ""
    hint = f"Did you mean {prefix}{close[0]}?" if close else f"Known: {', '.join(known)}."
    return f"Unknown key: {path}. {hint}"
