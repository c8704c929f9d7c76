"""Telling whether a folder holds the run that a config asks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

# What may differ without any result being different.
IRRELEVANT = ("paths", "logger", "cache", "resume", "ntt", "loader_workers", "trainer")


def run_identity(cfg: DictConfig) -> str:
    """Changes with the config, with a file that it names (weights, annotations) and with the version of ntt.

    Of files, size and time of the last change are looked at. Folders of pictures are not: who replaces
    pictures under the same names says ``resume=false``.
    """
    content = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(content, dict)
    kept = {key: value for key, value in content.items() if key not in IRRELEVANT}
    files = {text: _state(text) for text in sorted(set(_texts(kept)))}
    facts = [kept, {text: state for text, state in files.items() if state}, version("ntt")]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield node


def _state(text: str) -> list[int]:
    try:
        stat = Path(text).stat()
    except (OSError, ValueError):  # too long for a path, or with a null byte
        return []
    return [stat.st_size, stat.st_mtime_ns] if Path(text).is_file() else []
