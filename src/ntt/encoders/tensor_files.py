"""Reading of weights files, with one-line errors for unreadable ones."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ntt.errors import InputError

INDEX = ".index.json"
# Training checkpoints nest the weights one or two levels deep. The teacher takes precedence over the student.
_WRAPPERS = ("teacher", "model", "state_dict", "backbone")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a ``.safetensors``, ``.safetensors.index.json`` or ``torch.save`` file to the CPU.

    The format is detected from the content, not from the suffix. Files are memory-mapped if the format
    supports it. Code stored in a file is never executed.

    Raises:
        InputError: the file is missing, empty, truncated, a text file, or contains more than tensors.
    """
    start = _first_bytes(path)
    if start[8:9] == b"{":
        return _read_safetensors(path)
    if start[:2] == b"PK" or start[:1] == b"\x80":
        return _unwrap(_read_torch(path), path)
    if start[:1] == b"{" and path.name.endswith(INDEX):
        return _read_shards(path)
    if b"git-lfs" in start:
        raise InputError(f"{path} is a Git LFS pointer, not the weights: run git lfs pull")
    if start.isascii():
        first_line = start.decode().split("\n")[0][:40]
        raise InputError(f"{path} contains text ({first_line!r}), not weights: download it again")
    raise InputError(f"{path} is neither a safetensors file nor a torch.save file: download it again")


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path} is a folder: use the weights file inside it")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not start:
        raise InputError(f"{path} is empty: download it again")
    return start


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError) as error:
        raise InputError(f"{path} is damaged or truncated ({error}): download it again") from error


def _read_shards(path: Path) -> dict[str, Tensor]:
    try:
        shards = sorted(set(json.loads(path.read_text())["weight_map"].values()))
        parts = [path.with_name(shard) for shard in shards]
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(f"{path} has no weight_map that lists the weights files next to it") from error
    tensors: dict[str, Tensor] = {}
    for part in parts:
        if part.name.endswith(INDEX):
            raise InputError(f"{path} lists {part.name}, which is not a weights file")
        tensors.update(read_tensors(part))
    return tensors


def _read_torch(path: Path) -> object:
    # torch.load memory-maps paths only. It detects the format by suffix for paths, by content for open files.
    mapped = zipfile.is_zipfile(path) and path.suffix != ".safetensors"
    try:
        with path.open("rb") as file:
            return torch.load(path if mapped else file, map_location="cpu", weights_only=True, mmap=mapped)
    except UnpicklingError as error:
        raise InputError(
            f"{path} is damaged or contains Python objects besides tensors, which could run code on loading: "
            "download it again, or save only its state_dict()"
        ) from error
    except Exception as error:  # torch.load raises many exception types for damaged files
        raise InputError(f"{path} is damaged or truncated: download it again") from error


def _unwrap(content: object, path: Path) -> dict[str, Tensor]:
    """Find the dictionary of tensors inside nested checkpoint dictionaries."""
    while isinstance(content, Mapping) and (inner := _first_wrapped(content)) is not None:
        content = inner
    if not isinstance(content, Mapping):
        raise InputError(f"{path} contains a {type(content).__name__}, not a dictionary of tensors")
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if not tensors:
        raise InputError(
            f"{path} contains no tensors, neither at the top level nor under {', '.join(_WRAPPERS)}; "
            f"its keys are {_some(content)}"
        )
    return tensors


def _first_wrapped(content: Mapping[Any, Any]) -> Mapping[Any, Any] | None:
    return next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)


def _some(content: Mapping[Any, Any]) -> str:
    return ", ".join(str(key)[:40] for key in list(content)[:5]) or "none"
