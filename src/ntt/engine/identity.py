"""Telling whether a folder holds the run that a config asks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

import ntt

if TYPE_CHECKING:
    from ntt.data import FewShotDataset

# What may differ without any result being different.
IRRELEVANT = ("paths", "logger", "cache", "resume", "ntt", "loader_workers")
IRRELEVANT_OF_TRAINER = ("devices", "num_nodes", "strategy", "default_root_dir", "logger")


def run_identity(cfg: DictConfig) -> str:
    """Changes with the config, with a file that it names (weights, annotations) and with the version of ntt.

    Of files, size and time of the last change are looked at. Folders of pictures are not: who replaces
    pictures under the same names says ``resume=false``.
    """
    content = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(content, dict)
    kept = {key: value for key, value in content.items() if key not in IRRELEVANT}
    trainer = content.get("trainer") or {}
    kept["trainer"] = {key: value for key, value in trainer.items() if key not in IRRELEVANT_OF_TRAINER}
    files = {text: _state(text) for text in sorted(set(_texts(kept)))}
    facts = [kept, {text: state for text, state in files.items() if state}, ntt.__version__]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def data_digest(dataset: FewShotDataset) -> str:
    """Changes with the choice, the order and the labels of references and targets.

    Pictures are known by where they are; what is in them is not looked at.
    """
    references = [[str(each.file), each.label, each.source] for each in dataset.references.entries]
    targets = [[str(each.file), each.image_id] for each in dataset.targets.entries]
    return hashlib.sha256(json.dumps([references, targets]).encode()).hexdigest()[:16]


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
