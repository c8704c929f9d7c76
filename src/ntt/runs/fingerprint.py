"""Fingerprints of a run: hashes of its config, code, data and references, which decide what can be reused."""

from __future__ import annotations

import hashlib
import json
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

import ntt

if TYPE_CHECKING:
    from ntt.data import FewShotDataset
    from ntt.structures import Reference

# Config keys that do not affect the results.
IRRELEVANT = ("paths", "logger", "cache", "resume", "ntt", "loader_workers")
IRRELEVANT_OF_TRAINER = ("devices", "num_nodes", "strategy", "default_root_dir", "logger")


def run_fingerprint(cfg: DictConfig) -> str:
    """Hash the config with the files that it names (weights, annotations), and the code.

    A file is identified by its size and modification time. Image contents are not hashed; pass
    ``resume=false`` after replacing images.

    Returns:
        Both hashes, separated by a hyphen; :func:`difference` tells which of them differ.
    """
    content = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(content, dict)
    kept = {key: value for key, value in content.items() if key not in IRRELEVANT}
    trainer = content.get("trainer") or {}
    kept["trainer"] = {key: value for key, value in trainer.items() if key not in IRRELEVANT_OF_TRAINER}
    files = {text: _state(text) for text in sorted({text for _, text in _texts(kept)})}
    facts = [kept, {text: state for text, state in files.items() if state}]
    config = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return f"{config}-{code_fingerprint(kept)}"


def difference(fingerprint: str, other: str) -> str:
    """Say what differs between the fingerprints of two runs in the same directory."""
    (config, _, code), (other_config, _, other_code) = fingerprint.partition("-"), other.partition("-")
    if config == other_config:
        return "the code has"
    if code == other_code:
        return "the configuration, or a file that it names, has"
    return "the configuration and the code have"


def code_fingerprint(config: Any) -> str:
    """Hash the version and the source files of ntt, and of the user's modules that a config names.

    Args:
        config: config as plain dictionaries and lists; each ``_target_`` names a class or function.
    """
    content = hashlib.sha256(ntt.__version__.encode())
    targets = {text for key, text in _texts(config) if key == "_target_"}
    modules = {target.partition(".")[0] for target in targets} - {"ntt"}
    folders = [Path(ntt.__file__).parent, *filter(None, map(_own_source, sorted(modules)))]
    for folder in folders:
        for file in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
            content.update(file.read_bytes())
    return content.hexdigest()[:16]


def _own_source(module: str) -> Path | None:
    """Return the file or folder of a top-level module, None for installed packages and unknown modules."""
    try:
        spec = find_spec(module)
    except ValueError:  # an empty name, or a module that was not imported from a file
        return None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    installed = (sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
    file = Path(spec.origin).resolve()
    if any(file.is_relative_to(Path(folder).resolve()) for folder in installed):
        return None
    return file.parent if file.name == "__init__.py" else file


def data_fingerprint(dataset: FewShotDataset) -> str:
    """Hash the selection, order and labels of references and targets.

    Images are identified by their paths; their contents are not hashed.
    """
    references = [[str(each.file), each.label, each.source] for each in dataset.references.entries]
    targets = [[str(each.file), each.image_id] for each in dataset.targets.entries]
    return hashlib.sha256(json.dumps([references, targets]).encode()).hexdigest()[:16]


def _texts(node: Any, key: Any = None) -> Iterator[tuple[Any, str]]:
    """Yield each text in a config with its key; texts in a list have the key of the list."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _texts(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value, key)
    elif isinstance(node, str):
        yield key, node


def _state(text: str) -> list[int]:
    try:
        stat = Path(text).stat()
    except (OSError, ValueError):  # not a valid path: too long, or contains a null byte
        return []
    return [stat.st_size, stat.st_mtime_ns] if Path(text).is_file() else []


def references_fingerprint(references: Iterable[Reference]) -> str:
    """Hash the pixels, masks, labels and order of the references; file paths are not hashed."""
    content = hashlib.sha256()
    for reference in references:
        content.update(f"{tuple(reference.image.shape)} {reference.label}".encode())
        content.update(reference.image.contiguous().numpy().tobytes())
        assert reference.mask is not None, "masks must be made before"
        content.update(reference.mask.contiguous().numpy().tobytes())
    return content.hexdigest()[:16]
